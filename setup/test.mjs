// Runs the tests with Node's own runner, under the right Node (see run.mjs), and ends with their counts.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A test that takes longer than this hangs; files that do are ended by the watchdog in their process. */
const testTimeoutMs = 10 * 60_000;
const watchdog = new URL('./test-watchdog.mjs', import.meta.url).href;

/** @typedef {{ tests: number, suites: number, pass: number, fail: number, cancelled: number, skipped: number, todo: number }} Counts */

const usage = `Runs tests: all of them, or those of the given files and folders.

  npm test [-- [FILE|FOLDER]... [-t NAME]... [--concurrency N]]

  -t, --name NAME     only tests whose names match (a regular expression)
  --concurrency N     files at a time; as many as there are cores if left out. Those that say "Runs alone" do

Files of test/e2e that fail beside others run once more, alone; what passes then is counted as flaky.
`;

const { values: options, positionals } = readArguments();

function readArguments() {
  try {
    const given = parseArgs({
      allowPositionals: true,
      options: {
        name: { type: 'string', short: 't', multiple: true },
        concurrency: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (!given.values.help) return given;
    console.log(usage);
    process.exit(0);
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message}\n\n${usage}`);
    process.exit(1);
  }
}

// A test says itself what it needs; the settings of whoever runs it must not reach it.
for (const name of Object.keys(process.env)) if (name.startsWith('SWITCHYARD_')) delete process.env[name];

const files = chosen(testFiles(join(root, 'test')), positionals);
if (files.length === 0) {
  console.error(
    `no test file is under ${positionals.join(', ') || 'test/'}: give a folder or a file, such as test/unit/xds`,
  );
  process.exit(1);
}

const isEndToEnd = (/** @type {string} */ file) => relative(root, file).startsWith(join('test', 'e2e'));
/** What a file says that measures how long something takes, and would measure its neighbours with it. */
const isAlone = (/** @type {string} */ file) => /^\/\/ Runs alone: \w/m.test(readFileSync(file, 'utf8'));
const [alone, beside] = [files.filter(isAlone), files.filter(file => !isAlone(file))];
const groups = [
  {
    // Real Envoys take longest, and wait the most: first, so that none of them is the last with nobody beside it.
    files: [...beside.filter(isEndToEnd), ...beside.filter(file => !isEndToEnd(file))],
    concurrency: Number(options.concurrency ?? availableParallelism()),
  },
  { files: alone, concurrency: 1 },
];

/** By test file. @type {Map<string, Counts>} */
const countsOf = new Map();
/** Files that failed beside others, and passed alone. @type {string[]} */
const flaky = [];
const start = performance.now();

await pipeline(Readable.from(events()), new spec(), process.stdout, { end: false });
const totals = none();
for (const counts of countsOf.values()) {
  for (const key of /** @type {(keyof Counts)[]} */ (Object.keys(totals))) totals[key] += counts[key];
}
for (const file of flaky)
  console.log(`# flaky ${relative(root, file)}: failed beside others (see above), passed alone`);
for (const [name, count] of Object.entries(totals)) console.log(`# ${name} ${count}`);
console.log(`# duration_ms ${(performance.now() - start).toFixed(0)}`);
process.exitCode = totals.tests > 0 && totals.fail + totals.cancelled === 0 ? 0 : 1;

/** The groups' events one after the other, then those of files that have another try; without each run's own counts. */
async function* events() {
  for (const group of groups) yield* running(group.files, group.concurrency);
  const beside = groups[0]?.files.length === 1 ? [] : (groups[0]?.files ?? []);
  const again = beside.filter(file => isEndToEnd(file) && hasFailed(file));
  for (const file of again) countsOf.delete(file);
  yield* running(again, 1);
  flaky.push(...again.filter(file => !hasFailed(file)));
}

/**
 * @param {string[]} files
 * @param {number} concurrency
 */
async function* running(files, concurrency) {
  if (files.length === 0) return;
  const stream = run({
    files,
    concurrency,
    timeout: testTimeoutMs,
    execArgv: ['--import', watchdog],
    testNamePatterns: (options.name ?? []).map(pattern => new RegExp(pattern)),
  });
  for await (const event of stream) {
    if (event.type === 'test:pass' || event.type === 'test:fail') count(event);
    if (event.type !== 'test:summary' && !isCount(event)) yield event;
  }
}

/** @param {{ type: 'test:pass', data: import('node:test').EventData.TestPass } | { type: 'test:fail', data: import('node:test').EventData.TestFail }} event */
function count({ type, data }) {
  const counts = countsOf.get(data.file ?? '') ?? none();
  countsOf.set(data.file ?? '', counts);
  if (data.details.type === 'suite') counts.suites++;
  else {
    counts.tests++;
    counts[resultOf(type, data)]++;
  }
}

/**
 * @param {'test:pass' | 'test:fail'} type
 * @param {import('node:test').EventData.TestPass | import('node:test').EventData.TestFail} data
 * @returns {'pass' | 'fail' | 'cancelled' | 'skipped' | 'todo'}
 */
function resultOf(type, data) {
  if (data.skip !== undefined) return 'skipped';
  if (data.todo !== undefined) return 'todo';
  if (type === 'test:pass') return 'pass';
  const failure = 'error' in data.details ? /** @type {{ failureType?: string }} */ (data.details.error) : {};
  return failure.failureType === 'cancelledByParent' || failure.failureType === 'testAborted' ? 'cancelled' : 'fail';
}

/** @param {string} file */
function hasFailed(file) {
  const { fail, cancelled } = countsOf.get(file) ?? none();
  return fail + cancelled > 0;
}

/** @returns {Counts} */
function none() {
  return { tests: 0, suites: 0, pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0 };
}

/** @param {{ readonly type: string, readonly data: unknown }} event */
function isCount(event) {
  const { data } = event;
  return (
    event.type === 'test:diagnostic' &&
    typeof data === 'object' &&
    data !== null &&
    'message' in data &&
    /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/.test(String(data.message))
  );
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function testFiles(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap(entry => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return testFiles(path);
      return entry.name.endsWith('.test.ts') ? [path] : [];
    })
    .sort();
}

/**
 * @param {readonly string[]} all
 * @param {readonly string[]} paths folders or files, from the checkout's root
 */
function chosen(all, paths) {
  if (paths.length === 0) return [...all];
  const wanted = paths.map(path => resolve(root, path));
  for (const path of wanted) {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) {
      console.error(`${relative(root, path)} does not exist: give a folder or a file, such as test/unit/xds`);
      process.exit(1);
    }
  }
  return all.filter(file => wanted.some(path => file === path || file.startsWith(`${path}/`)));
}
