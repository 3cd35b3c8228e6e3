import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EncodedResource } from '../../../src/snapshot/snapshot.ts';
import type { LastGood, Withheld } from '../../../src/snapshot/withhold.ts';
import type { ResponseBody } from '../../../src/xds/body.ts';
import { type DeltaState, startDelta } from '../../../src/xds/delta.ts';
import { nothingRejected, refused } from '../../../src/xds/isolation.ts';
import type { Lanes, MachineState } from '../../../src/xds/lanes.ts';
import type { Unanswered } from '../../../src/xds/machine.ts';
import { startSotw } from '../../../src/xds/sotw.ts';
import { NONE, type Subscription, subscriptionOf } from '../../../src/xds/subscription.ts';
import { aimedAt, cleared, goalFor, outcome, stillRejected, suspectsIn } from '../../../src/xds/withheld.ts';
import { type Contents, snapshot, type TypeName, typeSnapshot, urls } from '../../support/xds-fixtures.ts';

const bad = { code: 13, message: 'bad' };
const names = (...list: readonly string[]): Subscription => subscriptionOf(false, list);

/** A stream of delta that has accepted `acked`. */
function delta(type: TypeName, acked: Contents | undefined, subscription: Subscription): DeltaState {
  const state = { ...startDelta(urls[type]), subscription };
  return { ...state, acked: acked && typeSnapshot(type, acked) };
}

const sotw = (type: TypeName) => startSotw(urls[type]);

function lanes(...states: readonly MachineState[]): Lanes {
  return states.map((state, index) => ({ streamId: index, aggregated: false, state }));
}

function response(type: TypeName, contents: Contents, { fresh = NONE, beat = false } = {}): Unanswered {
  const set = typeSnapshot(type, contents);
  const resources = [...set.resources.values()];
  const body: ResponseBody = {
    typeUrl: urls[type],
    version: set.version,
    resources,
    removed: [],
    ...(beat && { beat }),
  };
  return { led: set, snapshot: set, body, again: NONE, fresh };
}

/** `name version`, and what stands in its place. */
function shown(suspects: readonly Withheld[] | undefined): Readonly<Record<string, string>> | undefined {
  const instead = (each: EncodedResource | undefined) => (each?.unsent ? 'whatever' : (each?.version ?? 'nothing'));
  return suspects && Object.fromEntries(suspects.map(each => [`${each.name} ${each.version}`, instead(each.instead)]));
}

const suspectOf = (name: string, version: string): Withheld => ({
  typeUrl: urls.EDS,
  name,
  version,
  instead: undefined,
});

describe('suspects of a rejection', () => {
  it('R42: are what the client did not have, with what it had before', () => {
    const before = delta('EDS', { a: '1', b: '1' }, names('a', 'b', 'c'));
    const suspects = suspectsIn(before, response('EDS', { a: '2', b: '1', c: '1' }), lanes(before));
    assert.deepEqual(shown(suspects), { 'a 2': '1', 'c 1': 'nothing' });
  });

  it('R42: may have been had on another stream', () => {
    const [old, fresh] = [delta('EDS', { a: '1' }, names('a')), delta('EDS', undefined, names('a'))];
    assert.deepEqual(shown(suspectsIn(fresh, response('EDS', { a: '2' }), lanes(old, fresh))), { 'a 2': '1' });
    const other = delta('EDS', { a: '1' }, names('b'));
    assert.deepEqual(shown(suspectsIn(fresh, response('EDS', { a: '2' }), lanes(other, fresh))), { 'a 2': 'nothing' });
  });

  it('R42: have whatever the client has in their place where nobody knows it', () => {
    const came = { ...delta('EDS', undefined, names('a', 'b')), resumes: true, brought: new Map([['a', '0']]) };
    assert.deepEqual(shown(suspectsIn(came, response('EDS', { a: '1', b: '1' }), lanes(came))), {
      'a 1': 'whatever',
      'b 1': 'nothing',
    });
    const first = response('EDS', { a: '1' }, { fresh: names('a') });
    const added = delta('EDS', { a: '1' }, names('a'));
    const again = { ...added, anew: names('a') };
    assert.deepEqual(shown(suspectsIn(again, first, lanes(again))), { 'a 1': 'whatever' });
  });

  it('R42: have nothing in their place where a name is new to the client, whatever the set holds that it is at', () => {
    const added = { ...delta('EDS', { a: '1' }, names('a')), fresh: names('a') };
    const first = response('EDS', { a: '1' }, { fresh: names('a') });
    assert.deepEqual(shown(suspectsIn(added, first, lanes(added))), { 'a 1': 'nothing' });
  });

  it('R26, R42: are not looked for where nobody knows what absence would delete', () => {
    const came = { ...sotw('CDS'), resumes: true };
    assert.equal(suspectsIn(came, response('CDS', { a: '1' }), []), undefined);
    assert.deepEqual(shown(suspectsIn({ ...sotw('EDS'), resumes: true }, response('EDS', { a: '1' }), [])), {
      'a 1': 'whatever',
    });
  });

  it('R34, R46: are neither signs of life nor names of what is not there', () => {
    const before = delta('VHDS', undefined, names('v'));
    const { body, ...rest } = response('VHDS', {});
    const nothing = new Uint8Array();
    const absent = { name: 'v', version: '', value: nothing, sotwEntry: nothing, deltaEntry: nothing };
    assert.deepEqual(suspectsIn(before, { ...rest, body: { ...body, resources: [absent] } }, []), []);
    assert.equal(suspectsIn(sotw('EDS'), response('EDS', { a: '1' }, { beat: true }), []), undefined);
  });
});

describe('what became of what was tried', () => {
  const goal = snapshot('fleet', { EDS: { a: '1', b: '1' } });
  const [a, b] = [suspectOf('a', '1'), suspectOf('b', '1')];

  it('R42: it was accepted, or not yet', () => {
    assert.equal(outcome([a, b], goal, lanes(delta('EDS', { a: '1', b: '1' }, names('a', 'b')))), 'accepted');
    assert.equal(outcome([a, b], goal, lanes(delta('EDS', { a: '1', b: '0' }, names('a', 'b')))), undefined);
    const waits = { ...delta('EDS', { a: '1' }, names('a')), unanswered: [response('EDS', { a: '1' })] };
    assert.equal(outcome([a], goal, lanes(waits)), undefined);
    const streams = lanes(delta('EDS', { a: '1' }, names('a')), delta('EDS', { b: '1' }, names('b')));
    assert.equal(outcome([a, b], goal, streams), 'accepted');
  });

  it('R42: nobody asks for it, or it cannot be sent', () => {
    const stream = delta('EDS', { a: '1', b: '1' }, names('a'));
    assert.equal(outcome([a, b], goal, lanes(stream)), 'unasked');
    assert.equal(outcome([a], snapshot('fleet', { EDS: { a: '0' } }), lanes(stream)), 'unasked');
  });
});

describe('the goal of a client', () => {
  const published = snapshot('fleet', { CDS: { new: '1' }, EDS: { new: '1' }, RDS: { r: 'to-new' } });
  const cluster: Withheld = { typeUrl: urls.CDS, name: 'new', version: '1', instead: undefined };
  const nothing: LastGood = () => undefined;
  const rejecting = refused(nothingRejected, urls.CDS, { suspects: [cluster], names: ['new'] }, bad);
  const routes = (aimed: ReturnType<typeof aimedAt>): string | undefined =>
    aimed.goal.types.get(urls.RDS)?.resources.get('r')?.version;

  it('R42: is what is published where nothing of that is rejected', () => {
    assert.equal(aimedAt(undefined, published, nothingRejected, []).goal, published);
    assert.equal(goalFor(published, [{ ...cluster, version: '0' }], nothing), published);
  });

  it('R42: is one object for all from which the same is withheld', () => {
    assert.equal(goalFor(published, [cluster], nothing), goalFor(published, [cluster], nothing));
  });

  it('R42: becomes better with what the client is found to have, and stays so', () => {
    const blank = aimedAt(undefined, published, rejecting, []);
    assert.equal(routes(blank), 'to-new');
    const old = lanes(delta('RDS', { r: 'to-old' }, names('r')));
    const better = aimedAt(blank, published, rejecting, old);
    assert.equal(routes(better), 'to-old');
    const late = aimedAt(better, published, rejecting, lanes(delta('RDS', { r: 'to-new' }, names('r'))));
    assert.equal(routes(late), 'to-old');
    assert.equal(late.goal, better.goal);
  });

  it('R10: does without what is rejected as long as that is published', () => {
    assert.equal(stillRejected(rejecting, published, []), rejecting);
    assert.equal(stillRejected(rejecting, snapshot('fleet', { CDS: { new: '2' } }), []), nothingRejected);
  });

  it('R42: has what is cleared of suspicion', () => {
    const others = ['a', 'b'].map((name): Withheld => ({ ...cluster, name }));
    const fleet = snapshot('fleet', { CDS: { new: '1', a: '1', b: '2' } });
    assert.deepEqual(cleared([cluster, ...others], rejecting, fleet), ['a']);
    assert.deepEqual(cleared([cluster], nothingRejected, undefined), []);
  });
});
