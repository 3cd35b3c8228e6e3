import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Backend } from '../../support/backend.ts';
import { askMany } from '../../support/client.ts';
import { Example } from '../../support/example.ts';
import { startLoad } from '../../support/load.ts';
import { assertValues, show } from '../../support/statistics.ts';
import { until } from '../../support/until.ts';

const story = await Example.start('story');
after(() => story[Symbol.asyncDispose]());

// Another one in each test: an endpoint that is ejected again is out for longer.
const [dying, hanging, resetting] = ['10.0.0.11', '10.0.0.12', '10.0.0.13'].map(each => story.backend(each));
assert.ok(dying && hanging && resetting);
const everyone = [...story.backends.keys()];
const othersThan = ({ name }: Backend) => everyone.filter(each => each !== name);
for (const each of story.backends.values()) each.behave({ delay: 30 });

const readers = () => startLoad(() => story.ask('/', { patience: 8000 }), { perSecond: 100 });
const allBack = async () => {
  await story.healthy('shop', 3);
  await until('all answer', async () => (await story.answers(60)).size === 3);
};

describe('the story: three servers, one dies', () => {
  it('costs no reader an answer, and the dead server gets no more', async () => {
    const load = readers();
    await load.more(50);
    await dying.die();
    const died = load.answers.length;
    await until(
      'the check has noticed',
      async () => (await story.envoy('edge-1').stat('cluster.shop.membership_healthy')) === 2,
    );
    await load.more(100);
    await load.end();
    assert.deepEqual(load.failures, []);
    // A request that was on its way may still have been answered before the end.
    assert.deepEqual(new Set(load.answers.slice(died + 20)), new Set(othersThan(dying)));
  });

  it('is over when the server answers checks again; it begins with a small share', async () => {
    await dying.revive();
    await story.healthy('shop', 3);
    for (const each of story.backends.values()) each.behave({});
    // One after the other: a server that has little to do otherwise counts as a good choice at once.
    const counts = await askMany(200, () => story.ask('/'), { parallel: 1 });
    const share = (name: string) => counts.get(name) ?? 0;
    assert.ok(
      othersThan(dying).every(name => share(dying.name) < share(name)),
      show(counts),
    );
    for (const each of story.backends.values()) each.behave({ delay: 30 });
    await allBack();
  });

  it('is noticed without any request, by the check, also while the control plane is down', async () => {
    await story.world.plane.stop('SIGKILL');
    for (const each of story.backends.values()) each.forget();
    await dying.die();
    await story.healthy('shop', 2);
    assert.deepEqual(
      [...story.backends.values()].flatMap(each => each.seen),
      [],
    );
  });

  it('costs no purchase either that finds it dead', async () => {
    await dying.revive();
    await story.healthy('shop', 3);
    await story.dies(dying.name);
    const counts = await askMany(60, () => story.ask('/buy', { method: 'POST' }));
    assertValues(counts, othersThan(dying));
    await dying.revive();
    await story.world.plane.start();
    await allBack();
  });

  it('also if it hangs: readers wait for one attempt, then another server answers', async () => {
    const load = readers();
    await load.more(50);
    hanging.behave({ hang: true });
    hanging.behaveOnChecks({ hang: true });
    await story.healthy('shop', 2);
    await load.more(100);
    await load.end();
    assert.deepEqual(load.failures, []);
    assertValues(await story.answers(40), othersThan(hanging));
    hanging.behave({ delay: 30 });
    hanging.behaveOnChecks({});
    await allBack();
  });

  it('does no purchase twice: one that was under way fails, and later ones go elsewhere', async () => {
    for (const each of story.backends.values()) each.forget();
    resetting.behave({ reset: true });
    const statuses = await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        story.ask(`/buy/${index}`, { method: 'POST' }).then(each => each.status),
      ),
    );
    const seen = [...story.backends.values()].flatMap(each => each.seen.map(({ url }) => url));
    assert.equal(new Set(seen).size, seen.length);
    assert.deepEqual(new Set(statuses), new Set([200, 503]));
    resetting.behave({ delay: 30 });
    await allBack();
  });

  it('goes to all once the checks find nobody healthy, in case they are wrong', async () => {
    for (const each of story.backends.values()) each.behaveOnChecks({ status: 500 });
    await story.healthy('shop', 0);
    await until('all are asked', async () => {
      assertValues(await story.answers(60), everyone);
      return true;
    });
  });

  it('ends in 503 at once when really all are dead', async () => {
    for (const each of story.backends.values()) await each.die();
    assert.equal((await story.ask('/', { patience: 5000 })).status, 503);
  });
});
