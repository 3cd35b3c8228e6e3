import type { ServiceInput } from '../../test/support/world.ts';

/** One way to spread requests. */
export interface Balancer {
  readonly title: string;
  readonly loadBalancing: NonNullable<ServiceInput['loadBalancing']>;
  /** Weights say how strong each server is. */
  readonly weighted?: boolean;
}

const hashBy = [{ header: 'x-item' }];

export const balancers = {
  random: { title: '`random`', loadBalancing: { policy: 'random' } },
  'round-robin': { title: '`roundRobin`', loadBalancing: { policy: 'roundRobin' } },
  'round-robin-weights': {
    title: '`roundRobin`, right weights',
    loadBalancing: { policy: 'roundRobin' },
    weighted: true,
  },
  'least-request': { title: '`leastRequest` (default)', loadBalancing: { policy: 'leastRequest' } },
  'least-request-weights': {
    title: '`leastRequest`, right weights',
    loadBalancing: { policy: 'leastRequest' },
    weighted: true,
  },
  'least-request-5': {
    title: '`leastRequest`, `choiceCount: 5`',
    loadBalancing: { policy: 'leastRequest', choiceCount: 5 },
  },
  'ring-hash': { title: '`ringHash`', loadBalancing: { policy: 'ringHash', hashBy } },
  'ring-hash-bound': {
    title: '`ringHash`, `maxLoad: 125%`',
    loadBalancing: { policy: 'ringHash', hashBy, maxLoad: '125%' },
  },
  maglev: { title: '`maglev`', loadBalancing: { policy: 'maglev', hashBy } },
  'maglev-bound': { title: '`maglev`, `maxLoad: 125%`', loadBalancing: { policy: 'maglev', hashBy, maxLoad: '125%' } },
} as const satisfies Readonly<Record<string, Balancer>>;

export type BalancerName = keyof typeof balancers;
