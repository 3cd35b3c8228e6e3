import { detailsOf, type RpcCode } from '../rpc.ts';

/** By their numbers in gRPC. */
const statuses: Readonly<Record<RpcCode, number>> = {
  OK: 0,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
};

/** Headers of a response that has messages; a status comes behind them. */
export const responseHeaders = {
  ':status': 200,
  'content-type': 'application/grpc+proto',
  'grpc-accept-encoding': 'identity',
} as const;

/** The status as trailers. */
export function trailersOf(code: RpcCode, message: string): Readonly<Record<string, string | number>> {
  return { 'grpc-status': statuses[code], 'grpc-message': encodeURI(detailsOf(message)) };
}

/** Milliseconds in the units of `grpc-timeout`. */
const units: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** Milliseconds that a caller gives a call by its `grpc-timeout`; NaN if it says something else. */
export function timeoutOf(header: string): number {
  const [, count, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(header) ?? [];
  return Number(count) * (units[unit] ?? Number.NaN);
}
