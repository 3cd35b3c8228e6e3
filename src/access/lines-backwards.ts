import type { open } from 'node:fs/promises';

/** Bytes that are read at once, between which others have their turns. */
const atOnce = 64 * 1024;
/** Bytes of a line. None of ours is so long. */
const longestLine = 256 * 1024;

/** The open file, as `open` of `node:fs/promises` gives it. */
type OpenFile = Awaited<ReturnType<typeof open>>;

/**
 * The lines of a file, from its last to its first, some at once. What is added meanwhile is not read; a line that is too
 * long is passed over.
 */
export async function* linesBackwards(file: OpenFile, size: number): AsyncIterable<readonly string[]> {
  /** Of the line whose beginning is not read yet: its end, in pieces from the last to the first; undefined: too long. */
  let rest: Buffer[] | undefined = [];
  for (let end = size; end > 0; ) {
    const wanted = Math.min(atOnce, end);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(wanted), 0, wanted, end - wanted);
    if (bytesRead < wanted) return;
    end -= wanted;
    const first = buffer.indexOf(10);
    if (first < 0) {
      rest = longer(rest, buffer);
      continue;
    }
    const last = buffer.lastIndexOf(10);
    const ended = longer(rest, buffer.subarray(last + 1));
    const whole = buffer.subarray(first + 1, Math.max(first + 1, last)).toString();
    const lines = ended ? [Buffer.concat(ended.reverse()).toString()] : [];
    yield last > first ? [...lines, ...whole.split('\n').reverse()] : lines;
    rest = [buffer.subarray(0, first)];
  }
  if (rest) yield [Buffer.concat(rest.reverse()).toString()];
}

function longer(rest: Buffer[] | undefined, piece: Buffer): Buffer[] | undefined {
  const length = rest?.reduce((sum, each) => sum + each.length, piece.length) ?? longestLine;
  return rest && length < longestLine ? [...rest, piece] : undefined;
}
