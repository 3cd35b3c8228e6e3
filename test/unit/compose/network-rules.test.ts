import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { undoing } from '../../compose/network-rules.ts';

const before = [':INPUT ACCEPT [0:0]', ':FORWARD ACCEPT [3:180]', '-A INPUT -i lo -j ACCEPT'];

describe("what a Docker daemon leaves in the machine's network rules", () => {
  it('is taken away: rules, chains, policies', () => {
    const after = [
      ':INPUT ACCEPT [7:420]',
      ':FORWARD DROP [0:0]',
      ':DOCKER - [0:0]',
      '-A INPUT -i lo -j ACCEPT',
      '-A FORWARD -o docker0 -j DOCKER',
      '-A DOCKER -d 172.18.0.2/32 ! -i br-0123456789ab -o br-0123456789ab -j ACCEPT',
    ];
    assert.deepEqual(undoing(before, after), [
      '-D FORWARD -o docker0 -j DOCKER',
      '-D DOCKER -d 172.18.0.2/32 ! -i br-0123456789ab -o br-0123456789ab -j ACCEPT',
      ':FORWARD ACCEPT [0:0]',
      '-X DOCKER',
    ]);
  });

  it('is left when it was there before', () => {
    const docker = [...before, ':DOCKER - [0:0]', '-A FORWARD -o docker0 -j DOCKER'];
    assert.deepEqual(undoing(docker, docker), []);
  });

  it("is told from other programs' rules", () => {
    assert.deepEqual(undoing(before, [...before, ':GUARD - [0:0]', '-A INPUT -p tcp --dport 22 -j GUARD']), []);
  });
});
