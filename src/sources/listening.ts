import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** The TCP ports that a process listens on; undefined where this user may not see that, or the system does not tell. */
export function portsOf(process: number): ReadonlySet<number> | undefined {
  try {
    const folder = `/proc/${process}/fd`;
    const sockets = new Set(
      readdirSync(folder).flatMap(name => /^socket:\[(\d+)\]$/.exec(linkAt(`${folder}/${name}`))?.[1] ?? []),
    );
    const lines = ['tcp', 'tcp6'].flatMap(name => tableOf(`/proc/${process}/net/${name}`));
    return new Set(lines.filter(each => sockets.has(each.inode)).map(each => each.port));
  } catch {
    return undefined;
  }
}

function linkAt(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // Closed meanwhile.
    return '';
  }
}

const listening = '0A';

function tableOf(file: string): readonly { readonly port: number; readonly inode: string }[] {
  const rows = readFileSync(file, 'utf8').split('\n').slice(1);
  return rows.flatMap(row => {
    const [, local = '', , state, , , , , , inode = ''] = row.trim().split(/\s+/);
    const port = Number.parseInt(local.split(':')[1] ?? '', 16);
    return state === listening && Number.isInteger(port) ? [{ port, inode }] : [];
  });
}
