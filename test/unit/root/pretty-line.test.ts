import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLog } from '../../../src/log.ts';

function lines(format: 'pretty' | 'colours' | 'json', act: (log: ReturnType<typeof createLog>) => void): string[] {
  const written: string[] = [];
  act(createLog('trace', { write: line => void written.push(line) }, format));
  return written;
}

describe('the log for a person', () => {
  it('has an event a line: when, how grave, what, and what belongs to it', () => {
    const [line = ''] = lines('pretty', log => log.info({ revision: 3, fleets: ['edge'] }, 'policy accepted'));
    assert.match(line, /^\d\d:\d\d:\d\d\.\d{3} info {2}policy accepted revision=3 fleets=\["edge"\]\n$/);
    const [bare = ''] = lines('pretty', log => log.warn('careful'));
    assert.match(bare, /^\S+ warn {2}careful\n$/);
  });

  it('says of an error what it is and where it was thrown, on the same line', () => {
    const [line = ''] = lines('pretty', log => log.error({ err: new TypeError('no\nsuch thing') }, 'failed'));
    assert.match(line, /^\S+ error failed err=TypeError: no such thing \(at .*pretty-line\.test\.ts:\d+:\d+\)?\)\n$/);
    const [odd = ''] = lines('pretty', log => log.error({ err: 'a text' }, 'failed'));
    assert.match(odd, / failed err=a text\n$/);
  });

  it('has no character that a terminal would obey, whatever somebody says of himself', () => {
    const node = 'a\u009b31m\u202eb\u001b[2J\r\nc\u200f';
    const [line = ''] = lines('pretty', log => log.info({ node, [node]: 1, err: new Error(node) }, `${node} is here`));
    assert.doesNotMatch(line.slice(0, -1), /[\p{Cc}\p{Bidi_Control}]/u);
    assert.match(line, /\\u001b\[2J c\\u200f is here/);
  });

  it('is coloured only when asked', () => {
    const [line = ''] = lines('colours', log => log.error({ a: '\u001b[2J' }, 'failed'));
    const shown = line.replaceAll('\u001b', 'ESC');
    assert.match(shown, /^ESC\[2m\S+ESC\[0m ESC\[31merrorESC\[0m failed ESC\[2ma=\\u001b\[2JESC\[0m\n$/);
  });

  it('writes no secrets either (P29)', () => {
    for (const format of ['pretty', 'json'] as const) {
      const [line = ''] = lines(format, log =>
        log.info({ token: 'hush', request: { headers: { authorization: 'hush' } } }),
      );
      assert.doesNotMatch(line, /hush/);
    }
  });
});
