import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { listen } from '../../../src/admin/listen.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const running: Server[] = [];
after(() => {
  for (const server of running) server.close();
});

/** The socket that a killed process has left. */
async function deadSocket(): Promise<string> {
  const path = join(temporaryDirectory(), 'admin.sock');
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
  const process_ = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = once(process_, 'exit');
  try {
    await once(process_.stdout, 'data');
  } finally {
    process_.kill('SIGKILL');
    await gone;
  }
  return path;
}

describe('servers that start at once on the socket of a dead one', () => {
  it('are one, and the others are told that it is taken', { timeout: 30_000 }, async () => {
    for (let round = 0; round < 4; round++) {
      const path = await deadSocket();
      const servers = Array.from({ length: 8 }, () => createServer());
      running.push(...servers);
      // Each a little later than the one before, so that one looks while another has just taken the way.
      const startedAfter = async (ticks: number, server: Server) => {
        for (let tick = 0; tick < ticks; tick++) await setImmediate();
        return listen(server, { path, mode: 0o600 });
      };
      const outcomes = await Promise.allSettled(servers.map((each, index) => startedAfter(index, each)));
      const won = servers.filter((_, index) => outcomes[index]?.status === 'fulfilled');
      assert.equal(won.length, 1);
      for (const each of outcomes)
        if (each.status === 'rejected') assert.match(String(each.reason), /the admin address unix:.* is taken/);
      const asked = once(won[0] as Server, 'connection');
      const socket = connect(path);
      await asked;
      socket.destroy();
    }
  });
});
