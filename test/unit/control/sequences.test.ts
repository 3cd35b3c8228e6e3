import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Edit } from '../../../src/control/edits.ts';
import { shopPolicy, world } from './controller-world.ts';

/** What is to hold: which of the files, what the API owns, and what lies over both. */
interface Model {
  readonly files: number;
  /** Port of the service that the API took over from the files. */
  readonly owned: number | undefined;
  readonly weight: number | undefined;
  readonly drained: boolean;
}

type Step =
  | { readonly kind: 'save'; readonly files: number }
  | { readonly kind: 'mistake' | 'disown' | 'endShift' | 'restart' }
  | { readonly kind: 'own'; readonly port: number }
  | { readonly kind: 'shift'; readonly weight: number }
  | { readonly kind: 'drain' | 'undrain' }
  | { readonly kind: 'rollback'; readonly to: number; readonly overrides: boolean };

const files = [95, 50, 10].map(weight =>
  shopPolicy({
    to: `[{ service: catalog, version: v1, weight: ${weight} }, { service: catalog, version: v2, weight: 7 }]`,
  }),
);
const mistake = 'services: [broken';
const drainedEndpoint = { kind: 'endpoint', service: 'catalog', address: '10.0.0.1:80' } as const;
const shifted = { kind: 'shift', route: 'shop', rule: 'everyone' } as const;
const owning = (port: number): Edit => ({
  kind: 'services',
  name: 'other',
  change: { kind: 'put', spec: { endpoints: [{ address: `10.0.3.3:${port}` }] } },
});
const disowning: Edit = { kind: 'services', name: 'other', change: { kind: 'delete' } };
const first: Model = { files: 0, owned: undefined, weight: undefined, drained: false };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('save' as const), files: fc.nat(files.length - 1) }),
  fc.record({ kind: fc.constantFrom('mistake', 'disown', 'endShift', 'restart', 'drain', 'undrain') }),
  fc.record({ kind: fc.constant('own' as const), port: fc.integer({ min: 1, max: 2 }) }),
  fc.record({ kind: fc.constant('shift' as const), weight: fc.integer({ min: 1, max: 2 }) }),
  fc.record({ kind: fc.constant('rollback' as const), to: fc.nat(), overrides: fc.boolean() }),
);

type World = ReturnType<typeof world>;

const take = (it: World, model: Partial<Model>) =>
  model.owned === undefined ? [] : [it.controller.edit([owning(model.owned)], { by: 'ada', takeOver: true })];

/** What proxies are sent where somebody says all of it at once, and nothing was before. */
async function asIfNew(model: Model) {
  const it = world();
  await it.submit(files[model.files]!);
  await Promise.all(take(it, model));
  if (model.weight !== undefined) await it.shift({ 'catalog@v1': model.weight, 'catalog@v2': 3 });
  if (model.drained) await it.drain(drainedEndpoint.address);
  it.controller.stop();
  return it.versions();
}

/** A world, and what it should hold. */
class Run {
  it = world();
  model = first;
  /** By the number of the revision. */
  readonly past = new Map<number, Model>();
  /** The files as they were saved last; undefined: with a mistake. */
  disk: number | undefined = 0;
  /** The files that are held back until they change. */
  held: number | 'mistake' | undefined;

  async do(each: Step): Promise<void> {
    const { controller, store, submit, shift, drain } = this.it;
    if (each.kind === 'save') await this.save(each.files);
    else if (each.kind === 'mistake') {
      await submit(mistake);
      this.disk = undefined;
    } else if (each.kind === 'own') {
      const outcome = await controller.edit([owning(each.port)], { by: 'ada', takeOver: true });
      assert.equal(outcome.kind, 'done');
      this.model = { ...this.model, owned: each.port };
    } else if (each.kind === 'disown') {
      const outcome = await controller.edit([disowning], { by: 'ada' });
      assert.equal(outcome.kind, this.model.owned === undefined ? 'refused' : 'done');
      this.model = { ...this.model, owned: undefined };
    } else if (each.kind === 'shift') {
      await shift({ 'catalog@v1': each.weight, 'catalog@v2': 3 });
      this.model = { ...this.model, weight: each.weight };
    } else if (each.kind === 'endShift') {
      await controller.endOverride(shifted);
      this.model = { ...this.model, weight: undefined };
    } else if (each.kind === 'drain') {
      await drain(drainedEndpoint.address);
      this.model = { ...this.model, drained: true };
    } else if (each.kind === 'undrain') {
      await controller.endOverride(drainedEndpoint);
      this.model = { ...this.model, drained: false };
    } else if (each.kind === 'rollback') await this.rollback(each.to, each.overrides);
    else await this.restart();
    const number = store.latestRevision() && store.lastNumber();
    if (number !== undefined) this.past.set(number, this.model);
  }

  async save(wanted: number): Promise<void> {
    const outcome = await this.it.submit(files[wanted]!);
    assert.ok(outcome.kind === 'accepted', JSON.stringify(outcome));
    this.disk = wanted;
    assert.equal(outcome.held === true, this.held === wanted);
    if (this.held === wanted) return;
    this.model = { ...this.model, files: wanted };
    this.held = undefined;
  }

  async rollback(nth: number, overrides: boolean): Promise<void> {
    const numbers = [...this.past.keys()];
    const to = numbers[nth % numbers.length]!;
    const target = this.past.get(to)!;
    const outcome = await this.it.controller.revisions.rollback({ to, overrides, by: 'eve' });
    const same = target.files === this.model.files && target.owned === this.model.owned;
    assert.equal(outcome.kind, same && !overrides ? 'refused' : 'accepted', JSON.stringify(outcome));
    if (outcome.kind === 'refused') return;
    const { weight, drained } = overrides ? target : this.model;
    this.model = { ...target, weight, drained };
    this.held = this.disk === target.files ? undefined : (this.disk ?? 'mistake');
  }

  async restart(): Promise<void> {
    this.it.controller.stop();
    this.it = world({ store: this.it.store });
    this.it.controller.start();
    if (this.disk === undefined) await this.it.submit(mistake);
    else await this.save(this.disk);
  }
}

describe('any sequence of saves, edits, overrides, rollbacks and restarts', () => {
  it('comes to what its outcome comes to when it is said at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), async steps => {
        const run = new Run();
        await run.do({ kind: 'save', files: 0 });
        for (const each of [...steps, { kind: 'restart' } as const]) await run.do(each);
        run.it.controller.stop();
        assert.deepEqual(run.it.versions(), await asIfNew(run.model));
      }),
      {
        numRuns: 60,
        // An edit is not to let out what a rollback holds back.
        examples: [
          [
            [
              { kind: 'save', files: 1 },
              { kind: 'rollback', to: 0, overrides: false },
              { kind: 'own', port: 1 },
            ],
          ],
        ],
      },
    );
  });
});
