import { cpSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../support/ports.ts';
import { type BaseImage, provideBaseImages } from './base-images.ts';
import { composeProject, composeVersions, type Generation, type Project } from './compose.ts';
import { type Daemon, findDaemon } from './daemon.ts';
import { demoChecks } from './demo-checks.ts';
import { ownEnvoyJoins, writeOwnPolicy } from './own-envoys-checks.ts';
import { CannotRun, run } from './shell.ts';
import { makeWorkFolder, removeWorkFolder } from './work-folder.ts';

const usage = `Runs the container set-up for real: npm run test:compose [-- --compose v1|v2]

Exit codes: 0 passed, 1 failed, 3 this machine cannot run it and nothing was tested.`;

const root = path.join(import.meta.dirname, '..', '..');
const tag = `test-${process.pid}`;
const { values } = parseArgs({ options: { compose: { type: 'string' }, help: { type: 'boolean', short: 'h' } } });
const stop = new AbortController();
/** What takes longer than this hangs. */
const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(20 * 60_000)]);
const say = (line: string) => process.stdout.write(`${line}\n`);
const count = { passed: 0, failed: 0 };
/** Images that were not there before. */
const made = new Set<string>();

async function check(title: string, see: () => Promise<string>): Promise<boolean> {
  const began = Date.now();
  const label = () => `${title} (${((Date.now() - began) / 1000).toFixed(1)} s)`;
  try {
    signal.throwIfAborted();
    const seen = await see();
    count.passed += 1;
    say(`ok      ${label()}\n          ${seen}`);
    return true;
  } catch (error) {
    if (stop.signal.aborted) throw error;
    count.failed += 1;
    const { message, cause } = error instanceof Error ? error : new Error(String(error));
    const because = cause instanceof Error ? `\nbecause: ${cause.message}` : '';
    say(`FAILED  ${label()}\n${`${message}${because}`.replaceAll(/^/gm, '          ')}`);
    return false;
  }
}

/** Lets a project live for the checks, and proves afterwards that nothing of it is left. */
async function withProject(project: Project, env: NodeJS.ProcessEnv, checks: () => Promise<void>): Promise<void> {
  const failedBefore = count.failed;
  try {
    const up = async () => {
      await project.compose(['up', '-d', '--build'], 600_000);
      return 'every container has been started';
    };
    if (await check(`${project.name}: up -d --build`, up)) await checks();
    // A later build takes the tag, and leaves the image behind without one.
    const built = await run('docker', ['image', 'inspect', '-f', '{{.Id}}', `switchyard:${tag}`], { env });
    if (built.ok) made.add(built.stdout.trim());
    if (count.failed > failedBefore) say(await project.compose(['logs', '--no-color', '--tail=15']).catch(String));
  } finally {
    const down = await project.down();
    await check(`${project.name}: down -v leaves nothing`, async () => {
      if (!down.ok) throw new Error(down.output);
      const left = await project.remains();
      if (left.length > 0) throw new Error(`left: ${left.join(', ')}`);
      return 'no container, volume or network is left';
    });
  }
}

async function testDemo(generation: Generation, env: NodeJS.ProcessEnv, folder: string): Promise<void> {
  const ports = { delta: await freePort(), sotw: await freePort(), admin: await freePort() };
  const policy = path.join(folder, 'policy');
  cpSync(path.join(root, 'compose', 'policy'), policy, { recursive: true });
  const project = composeProject(generation, {
    name: `switchyard-${tag}-demo`,
    file: path.join(root, 'compose', 'demo.yaml'),
    env: {
      ...env,
      SWITCHYARD_DEMO_TAG: tag,
      SWITCHYARD_DEMO_POLICY: policy,
      SWITCHYARD_DEMO_ADMIN: String(ports.admin),
      SWITCHYARD_DEMO_DELTA: String(ports.delta),
      SWITCHYARD_DEMO_SOTW: String(ports.sotw),
    },
    signal,
  });
  await withProject(project, env, async () => {
    for (const { title, see } of demoChecks) await check(title, () => see({ project, ports, policy }));
  });
}

async function testOwnEnvoys(
  generation: Generation,
  env: NodeJS.ProcessEnv,
  folder: string,
  envoy: string,
): Promise<void> {
  const policy = path.join(folder, 'own-policy');
  writeOwnPolicy(policy);
  const network = `switchyard-${tag}`;
  const project = composeProject(generation, {
    name: `switchyard-${tag}-own`,
    file: path.join(root, 'compose', 'existing-envoys.yaml'),
    env: {
      ...env,
      SWITCHYARD_TAG: tag,
      SWITCHYARD_NETWORK: network,
      SWITCHYARD_POLICY_FOLDER: policy,
      SWITCHYARD_XDS_PORT: String(await freePort()),
      SWITCHYARD_ADMIN_PORT: String(await freePort()),
    },
    signal,
  });
  const stage = {
    project,
    network,
    port: await freePort(),
    folder,
    images: { switchyard: `switchyard:${tag}`, envoy },
  };
  await withProject(project, env, async () => {
    await check('an Envoy of somebody else joins the control plane', () => ownEnvoyJoins(stage));
  });
}

async function test(daemon: Daemon, folder: string): Promise<void> {
  const { env } = daemon;
  const found = await composeVersions(env, signal);
  const wanted = [...found].filter(([generation]) => values.compose === undefined || values.compose === generation);
  if (wanted.length === 0) {
    throw new CannotRun(
      `There is no compose${values.compose ? ` ${values.compose}` : ''}: install it (Debian: apt-get install docker-compose).`,
    );
  }
  say(`On ${daemon.about}, with compose ${wanted.map(([, version]) => version).join(' and ')}.`);
  const images: readonly BaseImage[] = await provideBaseImages(daemon, folder, image => made.add(image), signal);
  for (const image of images) say(`Base image ${image.tag}: ${image.from}.`);
  const envoy = images.find(image => image.tag.startsWith('envoyproxy/'))?.tag ?? '';
  for (const [generation, version] of wanted) {
    say(`\nWith compose ${version}:`);
    made.add(`switchyard:${tag}`);
    const own = path.join(folder, generation);
    mkdirSync(own);
    await testDemo(generation, env, own);
    await testOwnEnvoys(generation, env, own, envoy);
  }
}

async function main(): Promise<number> {
  if (values.help) {
    say(usage);
    return 0;
  }
  const folder = await makeWorkFolder();
  let daemon: Daemon | undefined;
  try {
    daemon = await findDaemon(folder, signal);
    await test(daemon, folder);
  } finally {
    if (daemon && !daemon.own && made.size > 0) {
      await run('docker', ['image', 'rm', '-f', ...made], { env: daemon.env });
    }
    await daemon?.stop();
    await removeWorkFolder(folder);
  }
  say(`\n${count.passed} passed, ${count.failed} failed`);
  return count.failed === 0 && count.passed > 0 ? 0 : 1;
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    if (!stop.signal.aborted) say('\nEnding: containers, images and the daemon are removed …');
    stop.abort(new Error('ended by the user'));
  });
}
try {
  process.exitCode = await main();
} catch (error) {
  const why = error instanceof Error ? error : new Error(String(error));
  if (why instanceof CannotRun) say(`${why.message.replace(/\.?$/, '.')} The container set-up was not tested.`);
  else say(stop.signal.aborted ? 'Ended by the user; this is no result.' : (why.stack ?? why.message));
  process.exitCode = why instanceof CannotRun ? 3 : 1;
}
process.exit();
