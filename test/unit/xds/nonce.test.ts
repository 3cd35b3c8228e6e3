import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Nonces, nonceOf, noncePrefix } from '../../../src/xds/nonce.ts';

const prefix = noncePrefix(5, 7, 1);

test('R6: a nonce tells which of the unanswered responses is meant, as a list of all of them would', () => {
  const other = fc.constantFrom(
    '',
    'x',
    nonceOf(noncePrefix(5, 8, 1), 1),
    nonceOf(noncePrefix(5, 7, 2), 2),
    `${prefix}0000000g`,
    `${prefix}0000000A`,
    `${prefix} 0000001`,
    `${prefix}000000001`,
    `${prefix}+0000001`,
  );
  fc.assert(
    fc.property(fc.nat(40), fc.nat(40), fc.nat(45), other, (sent, open, choice, strange) => {
      const nonces = new Nonces('type', prefix);
      const all = Array.from({ length: sent }, () => nonces.next());
      const unanswered = all.slice(sent - Math.min(open, sent));
      const meant = (nonce: string) => {
        if (sent === 0) return 'newest';
        const at = unanswered.indexOf(nonce);
        if (at >= 0) return at;
        return unanswered.length === 0 && nonce === all.at(-1) ? 'newest' : 'none';
      };
      for (const nonce of [strange, all[choice] ?? nonceOf(prefix, choice)])
        assert.equal(nonces.answers(nonce, unanswered.length), meant(nonce), nonce);
    }),
  );
});
