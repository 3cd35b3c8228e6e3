import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { formatDuration } from '../../../src/base/units.ts';
import { type CheckTiming, healthProfiles } from '../../../src/policy/health-profiles.ts';

const guide = readFileSync(new URL('../../../docs/guides/health.md', import.meta.url), 'utf8');

/** The longest time from a fault to the check that decides: all intervals as long as jitter makes them. */
function worst(
  timing: CheckTiming,
  check: { readonly waits: boolean; readonly idle: boolean; readonly decides: number },
) {
  const longest = (interval: number) => interval * (1 + timing.jitter / 100);
  const answer = check.waits ? timing.timeout : 0;
  const first = longest(check.idle ? timing.idleInterval : timing.interval) + answer;
  const next = longest(check.idle ? timing.idleInterval : timing.edgeInterval) + answer;
  const checks = Math.min(check.decides, timing.unhealthyAfter);
  return `${Math.ceil((first + (checks - 1) * next) / 100 - 1e-9) / 10} s`;
}

const all = Number.POSITIVE_INFINITY;
const faults = {
  'port closed, or a `retriable` status': { waits: false, idle: false, decides: all },
  'hangs, or the machine vanishes': { waits: true, idle: false, decides: all },
  'another unexpected status, or a body without `receive`': { waits: false, idle: false, decides: 1 },
  'port closed, before the service had any traffic': { waits: false, idle: true, decides: all },
  'hangs, before the service had any traffic': { waits: true, idle: true, decides: all },
};

test('the guide says how long each profile takes for each fault', () => {
  for (const [fault, check] of Object.entries(faults)) {
    const times = Object.values(healthProfiles).map(timing => worst(timing, check));
    assert.ok(guide.includes(`\n| ${fault} | ${times.join(' | ')} |\n`), `${fault}: ${times.join(', ')}`);
  }
});

test('the guide shows the values of each profile', () => {
  for (const [name, timing] of Object.entries(healthProfiles)) {
    const { interval, timeout, unhealthyAfter, healthyAfter, edgeInterval, idleInterval } = timing;
    const [first, second, ...rest] = [interval, timeout, edgeInterval, idleInterval].map(formatDuration);
    const row = [first, second, unhealthyAfter, healthyAfter, ...rest].join(' | ');
    assert.match(guide, new RegExp(`\n\\| \`${name}\`( \\(default\\))? \\| ${row.replaceAll('|', '\\|')} \\|\n`));
    assert.equal(timing.unhealthyInterval, interval);
    assert.equal(timing.jitter, 10);
  }
});
