import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from './shell.ts';

const forwarding = '/proc/sys/net/ipv4/ip_forward';
const families = ['iptables', 'ip6tables'] as const;

/** Lines of one table, as `iptables-save` prints them. */
type Table = readonly string[];

interface NetworkState {
  /** Docker's bridges. */
  readonly bridges: readonly string[];
  readonly forwarding: string;
  /** By `iptables filter` and the like. */
  readonly tables: Readonly<Record<string, Table>>;
}

const remembered = (folder: string) => path.join(folder, 'network.json');

/** Writes down in the folder what a Docker daemon will change in this machine's network: rules, bridges, forwarding. */
export async function rememberNetwork(folder: string): Promise<void> {
  writeFileSync(remembered(folder), JSON.stringify(await look()));
}

/** Takes away what Docker has added since the folder was written, and nothing else; does nothing without one. */
export async function restoreNetwork(folder: string): Promise<void> {
  if (!existsSync(remembered(folder))) return;
  const before = JSON.parse(readFileSync(remembered(folder), 'utf8')) as NetworkState;
  const after = await look();
  for (const [key, lines] of Object.entries(after.tables)) {
    const [family = '', table = ''] = key.split(' ');
    const undo = undoing(before.tables[key] ?? [], lines);
    if (undo.length === 0) continue;
    const file = path.join(folder, 'rules');
    writeFileSync(file, [`*${table}`, ...undo, 'COMMIT', ''].join('\n'));
    await run(`${family}-restore`, ['--noflush'], { input: file });
  }
  for (const bridge of after.bridges) {
    if (!before.bridges.includes(bridge)) await run('ip', ['link', 'delete', bridge]);
  }
  if (after.forwarding !== before.forwarding) writeFileSync(forwarding, before.forwarding);
}

async function look(): Promise<NetworkState> {
  const tables: Record<string, Table> = {};
  for (const family of families) {
    const saved = await run(`${family}-save`, []);
    for (const section of saved.stdout.split(/^\*/m).slice(1)) {
      const [table = '', ...lines] = section.split('\n');
      tables[`${family} ${table}`] = lines;
    }
  }
  const links = await run('ip', ['-brief', 'link', 'show', 'type', 'bridge']);
  const bridges = links.stdout.match(/^(docker0|br-[0-9a-f]{12})\b/gm) ?? [];
  return { bridges, forwarding: readFileSync(forwarding, 'utf8'), tables };
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
