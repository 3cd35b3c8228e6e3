import { afterEach, beforeEach } from 'node:test';
import { type RunningAdmin, startAdmin } from '../../../src/admin/server.ts';
import type { AdminFlags, AdminTarget } from '../../../src/cli/host.ts';
import type { CliRun } from '../../support/cli.ts';
import { AdminWorld, token } from '../admin/admin-world.ts';
import { runHere } from './here.ts';

/** An admin API for each test of the file, and commands that speak to it. */
export class AdminHere {
  #world = new AdminWorld();
  #admin: RunningAdmin | undefined;

  constructor() {
    beforeEach(async () => {
      this.#world = new AdminWorld();
      this.#admin = await startAdmin(this.#world.options);
    });
    afterEach(() => this.#admin?.close());
  }

  get world(): AdminWorld {
    return this.#world;
  }

  readonly target = (flags: AdminFlags): AdminTarget => ({
    url: `http://127.0.0.1:${this.#admin?.port}`,
    token: flags.token ?? token,
    dataFolder: './data',
  });

  run(...args: readonly string[]): Promise<CliRun> {
    return runHere(args, { adminTarget: this.target });
  }
}

export const edge = { kind: 'assigned', key: 'edge' } as const;
