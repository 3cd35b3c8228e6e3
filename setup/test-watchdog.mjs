// Runs first in the process of every test file. Node's runner limits each test, but neither a file that waits before its
// first test nor one that does not end after its last: either would hold up all that follow, without a word.
//
// When nothing is left to do, the process exits at once: where the reset of a connection met its shutdown, Node 24 loses
// the handle (uv_tcp_close_reset refuses, TCPWrap takes it for closing), and the orderly way out waits for it forever.
import { relative } from 'node:path';
import { isMainThread } from 'node:worker_threads';

const minutes = Number(process.env.TEST_FILE_MINUTES ?? 10);

if (isMainThread) {
  setTimeout(end, minutes * 60_000).unref();
  // The runner first says what it has to say when nothing is left to do.
  process.once('beforeExit', () => {
    setImmediate(() => {});
    process.once('beforeExit', code => process.exit(code));
  });
}

function end() {
  const file = relative(process.cwd(), process.argv[1] ?? '');
  const open = [...counted(process.getActiveResourcesInfo()), ...children()];
  process.stderr.write(`${file} has not ended within ${minutes} minutes. It still holds: ${open.join(', ')}\n`);
  // What tests started, they end when their process exits.
  process.exit(1);
}

/** @param {readonly string[]} names */
function counted(names) {
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${count} ${name}`);
}

/** The commands of child processes that run still. Node has no documented way to ask for them. */
function children() {
  /** @type {readonly { spawnargs?: readonly string[] }[]} */
  const handles = /** @type {any} */ (process)._getActiveHandles?.() ?? [];
  return handles.flatMap(({ spawnargs }) => (spawnargs ? [spawnargs.slice(0, 4).join(' ')] : []));
}
