import { memo1 } from '../base/memo.ts';
import type { ResponseBody } from './body.ts';

/** Bytes of resources in one response; gRPC clients take 4 MiB unless they are told otherwise (R50). */
export const MAX_BODY = 2 * 1024 * 1024;

export interface Split {
  /** What fits into one response. */
  readonly first: ResponseBody;
  /** What does not; undefined if all does. */
  readonly rest: ResponseBody | undefined;
}

/** Cuts a body that is too large, once for all streams. A resource that is too large itself goes alone. */
export const split: (body: ResponseBody) => Split = memo1(body => {
  const { resources, removed, errors = [] } = body;
  const sizes = [
    ...resources.map(each => each.deltaEntry.length),
    ...removed.map(name => name.length + 4),
    ...errors.map(({ name, message }) => name.length + message.length + 16),
  ];
  let bytes = 0;
  let count = 0;
  for (const size of sizes) {
    bytes += size;
    if (bytes > MAX_BODY && count > 0) break;
    count++;
  }
  if (count === sizes.length) return { first: body, rest: undefined };
  const beyond = (before: number) => Math.max(0, count - before);
  const [r, e] = [beyond(resources.length), beyond(resources.length + removed.length)];
  return {
    first: {
      ...body,
      resources: resources.slice(0, count),
      removed: removed.slice(0, r),
      errors: errors.slice(0, e),
      more: true,
    },
    rest: { ...body, resources: resources.slice(count), removed: removed.slice(r), errors: errors.slice(e) },
  };
});
