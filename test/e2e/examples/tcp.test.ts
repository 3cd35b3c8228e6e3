import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { localAddress } from '../../../examples/local.ts';
import { Example } from '../../support/example.ts';
import { connectTcp, firstLine } from '../../support/tcp.ts';
import { until } from '../../support/until.ts';

const example = await Example.start('tcp');
after(() => example[Symbol.asyncDispose]());

const [primary, standby] = ['10.0.0.31', '10.0.0.32'];
const place = localAddress('10.0.0.2');
const greeting = () => firstLine(example.port(5432), place);
const stat = (name: string) => example.envoy('db-proxy-1').stat(`cluster.postgres.${name}`);
const checks = (result: string) => async () => ((await stat(`health_check.${result}`)) ?? 0) > 0;
const database = (name: string) => {
  const found = example.tcp.get(name);
  assert.ok(found);
  return found;
};
await example.healthy('postgres', 2, 'db-proxy-1');

describe('a database and its standby', () => {
  it('has all connections at the primary while it lives', async () => {
    for (let index = 0; index < 20; index++) assert.equal(await greeting(), primary);
    assert.ok(await checks('success')());
  });

  it('has them at the standby when checks of the primary fail, without a connection that finds it out', async () => {
    using before = await connectTcp(example.port(5432), place);
    assert.equal(await before.line(), primary);
    await database(primary).die();
    await assert.rejects(before.line(), 'who was connected is told by the end of the connection');
    await example.healthy('postgres', 1, 'db-proxy-1');
    assert.equal(await greeting(), standby);
  });

  it('goes back to the primary, where connections to the standby stay until they end', async () => {
    using at = await connectTcp(example.port(5432), place);
    assert.equal(await at.line(), standby);
    await database(primary).revive();
    await until('the primary is found', async () => (await greeting()) === primary, 30_000);
    at.send('still here\n');
    assert.equal(await at.line(), 'still here');
  });

  it('takes the standby at once for connections that the primary refuses', async () => {
    await database(primary).die();
    await until('it is ejected', async () => {
      const line = await greeting().catch(() => undefined);
      return line === standby;
    });
    await database(primary).revive();
  });
});
