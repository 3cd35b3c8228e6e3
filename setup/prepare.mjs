import { join } from 'node:path';
import { dependenciesAreReady, installDependencies } from './dependencies.mjs';
import { envoyVersion, findEnvoy, installEnvoy } from './envoy.mjs';
import { composeWay, SetupFailure } from './failure.mjs';
import { withLock } from './lock.mjs';
import { findNode, installNode, nodeVersion } from './node.mjs';
import { buildProtos, protosAreReady } from './protos.mjs';

/** @typedef {'dependencies' | 'protos' | 'envoy'} Need */

/**
 * @typedef {object} Prepared
 * @property {string} node the Node to run the project's own code under
 * @property {string | undefined} envoy set when it was needed
 */

/** @typedef {{ readonly title: string, ready(): boolean, run(): Promise<void> }} Step */

/**
 * Does what is missing of the set-up, and nothing when nothing is. Safe beside another that runs at the same time.
 *
 * @param {string} root the checkout
 * @param {readonly Need[]} needs
 * @param {ReturnType<typeof import('./progress.mjs').createProgress>} progress
 * @returns {Promise<Prepared>}
 */
export async function prepare(root, needs, progress) {
  if (process.platform === 'win32') {
    throw new SetupFailure(`Switchyard runs on Linux, and on Windows within WSL or in containers: ${composeWay}`);
  }
  const steps = stepsFor(root, needs);
  if (!steps.every(step => step.ready())) {
    const onWait = (/** @type {number} */ pid) =>
      progress.print(`  waiting for process ${pid}, which is setting up this folder as well`);
    await withLock(join(root, '.tools', 'setup.lock'), { onWait }, async () => {
      // Asked again: the one that was waited for may have done it.
      for (const step of steps) if (!step.ready()) await progress.step(step.title, () => step.run());
    });
  }
  return { node: nodeOf(root), envoy: needs.includes('envoy') ? findEnvoy(root, process.env) : undefined };
}

/**
 * @param {string} root
 * @param {readonly Need[]} needs
 * @returns {readonly Step[]} in the order they must run in
 */
function stepsFor(root, needs) {
  /** @type {Step[]} */
  const steps = [
    {
      title: `Node ${nodeVersion} (this one is ${process.version})`,
      ready: () => findNode(root) !== undefined,
      run: () => installNode(root),
    },
  ];
  if (needs.includes('envoy')) {
    steps.push({
      title: `Envoy ${envoyVersion}`,
      ready: () => findEnvoy(root, process.env) !== undefined,
      run: () => installEnvoy(root),
    });
  }
  if (needs.includes('dependencies')) {
    steps.push({
      title: 'dependencies',
      ready: () => dependenciesAreReady(root),
      run: () => installDependencies(root, nodeOf(root)),
    });
  }
  if (needs.includes('protos')) {
    steps.push({
      title: "Envoy's protocol definitions",
      ready: () => protosAreReady(root),
      run: () => buildProtos(root, nodeOf(root)),
    });
  }
  return steps;
}

/** @param {string} root */
function nodeOf(root) {
  const node = findNode(root);
  if (node === undefined) throw new SetupFailure('Node disappeared from .tools during set-up: run the command again.');
  return node;
}
