import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { nameOf } from './fixtures.ts';

/** A policy in many files, as large ones are written: no file may be larger than 1 MiB. */
export interface LargePolicy {
  readonly services: number;
  /** Of each service. */
  readonly endpoints: number;
}

export interface PolicyText {
  readonly file: string;
  readonly format: 'json' | 'yaml';
  readonly text: string;
}

const endpointsInFile = 1000;
const routesInFile = 1000;

export const addressOf = (service: number, at: number): string =>
  `10.${at >> 4}.${service >> 8}.${service & 255}:${8080 + (at & 15)}`;

/** The service of which {@link servicesText} says the weight. */
export const changing = 7;

/** The files of a policy, one gateway with a route to each service. @param weight of one endpoint; 1 is that of all others. */
export function texts(
  policy: LargePolicy,
  weight: number,
  format: PolicyText['format'] = 'json',
): readonly PolicyText[] {
  const files = Array.from({ length: Math.ceil(policy.services / perFile(policy)) }, (_, at) => at);
  const write = (file: string, value: PolicyInput): PolicyText => ({
    file: `${file}.${format}`,
    format,
    text: textOf(value, format),
  });
  return [
    ...files.map(at => servicesText(policy, at, weight, format)),
    ...ranges(policy.services, routesInFile).map((numbers, at) =>
      write(`routes-${at}`, {
        routes: byName(numbers, index => ({
          gateways: ['edge'],
          hosts: [`host-${index}.test`],
          rules: [{ to: [{ service: nameOf(index) }] }],
        })),
      }),
    ),
    write('system', {
      gateways: { edge: { listeners: [{ port: 8080, protocol: 'http' }] } },
      fleets: { edge: { match: { cluster: 'edge' }, gateways: ['edge'] } },
    }),
  ];
}

/** One of the files of services; that of the one which changes is the first that holds it. */
export function servicesText(
  policy: LargePolicy,
  file: number,
  weight: number,
  format: PolicyText['format'] = 'json',
): PolicyText {
  const numbers = ranges(policy.services, perFile(policy))[file] ?? [];
  const services = byName(numbers, index => ({
    endpoints: Array.from({ length: policy.endpoints }, (_, at) => ({
      address: addressOf(index, at),
      zone: 'abc'[at % 3] ?? '',
      weight: index === changing && at === 0 ? weight : 1,
    })),
  }));
  return { file: `services-${String(file).padStart(4, '0')}.${format}`, format, text: textOf({ services }, format) };
}

/** Number of the file that holds the service which changes. */
export const changingFile = (policy: LargePolicy): number => Math.floor(changing / perFile(policy));

/** Writes a file as an editor would: beside it, and then in its place. */
export function save(folder: string, { file, text }: PolicyText): void {
  mkdirSync(folder, { recursive: true });
  const beside = join(folder, `.${file}.new`);
  writeFileSync(beside, text);
  renameSync(beside, join(folder, file));
}

const perFile = ({ endpoints }: LargePolicy): number => Math.max(1, Math.floor(endpointsInFile / endpoints));

function ranges(count: number, size: number): readonly (readonly number[])[] {
  return Array.from({ length: Math.ceil(count / size) }, (_, at) =>
    Array.from({ length: Math.min(size, count - at * size) }, (_each, index) => at * size + index),
  );
}

function byName<T>(numbers: readonly number[], make: (index: number) => T): Record<string, T> {
  return Object.fromEntries(numbers.map(index => [nameOf(index), make(index)]));
}

function textOf(value: unknown, format: PolicyText['format']): string {
  return format === 'json' ? JSON.stringify(value) : stringify(value);
}
