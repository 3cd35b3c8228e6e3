import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { errorsOf, type Operation } from '../../../src/admin/api/operation.ts';
import type { ComputedOutcome } from '../../../src/control/computed.ts';
import type { EditOutcome } from '../../../src/control/edit.ts';
import { StoreError } from '../../../src/store/store.ts';
import { operations } from '../../support/api-contract.ts';
import type { AdminWorld } from './admin-world.ts';
import { exampleOf, method, ready } from './examples.ts';

/** What differs from the request that is carried out. */
interface Sent {
  readonly url?: string;
  readonly body?: unknown;
  readonly raw?: Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  /** So often, until it is answered so. */
  readonly times?: number;
}

/** Makes the world so, and the request, that the operation answers with an error. */
type Way = (world: AdminWorld, operation: Operation) => Sent | Promise<Sent>;

/** What no request brings about. */
const unprovoked: Readonly<Record<number, string>> = {
  500: 'a fault of ours; test/unit/admin/errors.test.ts makes one',
};

/** The ways to an error that hold for every operation that declares it. */
const ways: Readonly<Record<number, Way>> = {
  400: (_, operation) =>
    operation.body && !operation.id.includes('Backup') ? { body: '{"half' } : wrongQuery(operation),
  401: () => ({ headers: { authorization: '' } }),
  403: () => ({ headers: { host: 'evil.example' } }),
  404: ({ control }, { path }) => {
    const outcome = { kind: 'notFound', what: 'no' } as const;
    control.answer = outcome;
    control.computedAnswer = outcome;
    control.changeAnswer = outcome;
    control.acceptName = () => false;
    const places = path.replaceAll('{type}', 'CDS').replaceAll(/\{(?:revision|number|other)\}/g, '99');
    return { url: places.replaceAll(/\{\w+\}/g, 'nope') };
  },
  409: async (world, operation) => {
    const { url, ...given } = requestOf(operation);
    const headers = { 'idempotency-key': 'k' };
    const first = await world.call(method(operation), url, { ...given, headers });
    assert.ok(first.status < 300, first.text);
    return { url: `${url.replace(/\?.*/, '')}?reason=another`, headers };
  },
  412: () => ({ headers: { 'if-match': '"0123456789abcdef"' } }),
  413: () => ({ headers: { 'content-length': String(2 ** 40) } }),
  415: () => ({ headers: { 'content-type': 'text/plain' } }),
  422: () => ({ body: [] }),
  429: () => ({ headers: { authorization: 'Bearer of-nobody' }, times: 300 }),
  503: world => failing(world, new StoreError('io', 'the disk is gone')),
  507: world => failing(world, new StoreError('full', 'the disk is full')),
};

/** The control refuses it so. */
const refusing =
  (outcome: Extract<ComputedOutcome, { readonly kind: 'invalid' | 'refused' }>): Way =>
  ({ control }) => {
    control.computedAnswer = outcome;
    return {};
  };

const invalid = { kind: 'invalid', problems: ['no'] } as const;
const refused = { kind: 'refused', why: 'no' } as const;
const rejected = async (): Promise<EditOutcome> => ({ kind: 'rejected', problems: [] });

/** Where an operation needs another way than all others. */
const others: Readonly<Record<string, Way>> = {
  'endFreeze 404': ({ control }) => {
    control.frozen = undefined;
    return {};
  },
  'beginFreeze 404': () => ({ body: { revision: 99 } }),
  'readEndpointHealth 404': () => ({ url: '?service=nope' }),
  'traceRequest 404': () => ({ body: { url: 'http://shop:8000/', fleet: 'nope' } }),
  'transact 404': () => ({ body: { changes: [{ action: 'delete', kind: 'services', name: 'nope' }] } }),
  'transact 412': () => ({
    body: { changes: [{ action: 'put', kind: 'services', name: 'catalog', spec: {}, ifMatch: 'another' }] },
  }),
  'endComputedWeights 409': refusing(refused),
  'endComputedWeights 422': refusing(invalid),
  'giveComputedWeights 409': refusing(refused),
  'createToken 409': ({ tokens }) => {
    tokens.create({ name: 'pipeline', role: 'viewer', createdBy: 'admin' });
    return {};
  },
  'restoreBackup 400': (_, operation) => wrongQuery(operation),
  'restoreBackup 409': ({ control }) => {
    control.changeAnswer = { kind: 'rejected', problems: [] };
    return {};
  },
  'restoreBackup 422': () => ({ raw: new Uint8Array([1, 2, 3]) }),
  'listEvents 503': ({ options: { readers } }) => {
    for (let count = 0; count < 1000; count++) readers.add({});
    return { url: '?follow=true' };
  },
  ...Object.fromEntries(
    Object.entries({ Service: 'services', Gateway: 'gateways', Route: 'routes', Fleet: 'fleets' }).flatMap(
      ([one, kind]): [string, Way][] => [
        [
          `create${one} 412`,
          world => {
            world.own(kind, 'new');
            return {};
          },
        ],
        [
          `delete${one} 422`,
          ({ control }) => {
            Object.assign(control, { edit: rejected });
            return {};
          },
        ],
      ],
    ),
  ),
};

/** A parameter that takes not every text, or a dry run of what has none. */
function wrongQuery({ query = {} }: Operation): Sent {
  const text = '\0'.repeat(5000);
  const [name = 'dryRun'] = Object.entries(query).flatMap(([name, type]) =>
    z.safeParse(type, text).success ? [] : [name],
  );
  return { url: `?${name}=${name === 'dryRun' && !('dryRun' in query) ? 'true' : encodeURIComponent(text)}` };
}

/** Whatever is to be written fails. */
function failing(world: AdminWorld, error: StoreError): Sent {
  const fails = () => {
    throw error;
  };
  const { control, tokens } = world;
  control.answer = error;
  Object.assign(control, { edit: fails, changeQuarantine: fails });
  Object.assign(control.revisions, { rollback: fails, accept: fails, restore: fails, pin: fails });
  Object.assign(tokens, { create: fails, revoke: fails });
  return {};
}

function requestOf(operation: Operation) {
  const { url, body, raw } = exampleOf(operation);
  return { url, ...(raw ? { raw } : body === undefined ? {} : { body }) };
}

async function provoke(operation: Operation, status: number): Promise<string> {
  const way = others[`${operation.id} ${status}`] ?? ways[status];
  if (!way) return 'there is no way to it';
  const world = ready(exampleOf(operation));
  const request = requestOf(operation);
  const { url = '', times = 1, ...sent } = await way(world, operation);
  const whole = url.startsWith('?') ? `${request.url.replace(/\?.*/, '')}${url}` : url || request.url;
  let last = '';
  for (let count = 0; count < times; count++) {
    const answer = await world.call(method(operation), whole, { ...request, ...sent });
    if (answer.status === status) return '';
    last = `${answer.status} ${answer.text}`.slice(0, 200);
  }
  return last;
}

describe('every error that an operation declares', () => {
  for (const operation of operations) {
    it(`${operation.id} can answer with it`, async () => {
      for (const status of Object.keys(errorsOf(operation)).map(Number)) {
        if (status in unprovoked) continue;
        const instead = await provoke(operation, status);
        assert.equal(instead, '', `${operation.id} ${status}`);
      }
    });
  }
});
