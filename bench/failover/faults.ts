import { setTimeout as pause } from 'node:timers/promises';
import { startingMs, type Victim } from './backends.ts';

/** Something that happens to one server of three, and how it ends. */
export interface Fault {
  readonly name: string;
  readonly about: string;
  /** Brings it about; resolves with the time from which on it is there. */
  begin(victim: Victim): Promise<number>;
  /** How long it lasts, in milliseconds. */
  readonly lasts: number;
  /** When, in milliseconds after its begin, the first callers of a service that was idle come. */
  readonly firstCallers: number;
  /** Whether a proxy has something to notice: a server that was down already cannot go down. */
  readonly noticed: boolean;
  /** How many processes are started for it. */
  readonly starts: number;
}

const lasting = { lasts: 15_000, firstCallers: 3000, noticed: true, starts: 0 };
/** What a dead server is dead for before it starts slowly, in milliseconds. */
const deadMs = 4000;

/** The faults, in the order of the tables. */
export const faults: readonly Fault[] = [
  {
    name: 'crash',
    about: 'the process is killed: connections are cut, its port refuses',
    begin: victim => victim.crash(),
    ...lasting,
    starts: 1,
  },
  {
    name: 'refusal',
    about: 'the process ends in order: what is under way is answered, then its port refuses',
    begin: victim => victim.refuse(),
    ...lasting,
    starts: 1,
  },
  {
    name: '5xx',
    about: 'everything is answered 503, health checks included',
    begin: victim => victim.fail(),
    ...lasting,
  },
  {
    name: 'hang',
    about: 'the process is stopped: connections are taken, nothing is answered',
    begin: victim => victim.hang(),
    ...lasting,
  },
  {
    name: 'blackhole',
    about: 'nothing is answered, and what asks for a connection is dropped',
    begin: victim => victim.vanish(),
    ...lasting,
  },
  {
    name: 'slow-start',
    about: `back after a crash, and not ready: everything is answered 503 for ${startingMs / 1000} s`,
    begin: async victim => {
      await victim.crash();
      await pause(deadMs);
      return await victim.startSlowly();
    },
    lasts: startingMs,
    firstCallers: startingMs / 2,
    noticed: false,
    starts: 1,
  },
];
