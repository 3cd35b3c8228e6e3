import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from './shell.ts';

const forwarding = '/proc/sys/net/ipv4/ip_forward';
const families = ['iptables', 'ip6tables'] as const;

/** Lines of one table, as `iptables-save` prints them. */
type Table = readonly string[];

interface NetworkState {
  readonly bridge: boolean;
  readonly forwarding: string;
  readonly tables: ReadonlyMap<string, Table>;
}

/**
 * Remembers what a Docker daemon changes in this machine's network: its rules, its bridge, forwarding.
 *
 * @returns how to take away what it has added since and left behind, and nothing else.
 */
export async function rememberNetwork(folder: string): Promise<() => Promise<void>> {
  const before = await look();
  return async () => {
    const after = await look();
    for (const [key, lines] of after.tables) {
      const [family = '', table = ''] = key.split(' ');
      const undo = undoing(before.tables.get(key) ?? [], lines);
      if (undo.length === 0) continue;
      const file = path.join(folder, 'rules');
      writeFileSync(file, [`*${table}`, ...undo, 'COMMIT', ''].join('\n'));
      await run(`${family}-restore`, ['--noflush'], { input: file });
      rmSync(file);
    }
    if (after.bridge && !before.bridge) await run('ip', ['link', 'delete', 'docker0']);
    if (after.forwarding !== before.forwarding) writeFileSync(forwarding, before.forwarding);
  };
}

async function look(): Promise<NetworkState> {
  const tables = new Map<string, Table>();
  for (const family of families) {
    const saved = await run(`${family}-save`, []);
    for (const section of saved.stdout.split(/^\*/m).slice(1)) {
      const [table = '', ...lines] = section.split('\n');
      tables.set(`${family} ${table}`, lines);
    }
  }
  const link = await run('ip', ['link', 'show', 'docker0']);
  return { bridge: link.ok, forwarding: readFileSync(forwarding, 'utf8'), tables };
}

/** Input for `iptables-restore --noflush` that undoes what Docker has added to a table, and the policies it set. */
export function undoing(before: Table, after: Table): readonly string[] {
  const known = new Set(before);
  const rules = after.filter(
    line => line.startsWith('-A ') && /docker|\bbr-[0-9a-f]{12}\b/i.test(line) && !known.has(line),
  );
  const old = policiesOf(before);
  const chains = [...policiesOf(after)].flatMap(([name, policy]) => {
    const was = old.get(name);
    if (was === undefined) return /^docker/i.test(name) ? [`-X ${name}`] : [];
    return was === policy ? [] : [`:${name} ${was} [0:0]`];
  });
  return [...rules.map(line => `-D${line.slice(2)}`), ...chains];
}

/** Chains by name; those of users have the policy `-`. */
function policiesOf(table: Table): ReadonlyMap<string, string> {
  return new Map(
    table.flatMap(line => {
      const [, name, policy] = /^:(\S+) (\S+)/.exec(line) ?? [];
      return name !== undefined && policy !== undefined ? [[name, policy] as const] : [];
    }),
  );
}
