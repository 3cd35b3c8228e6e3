/**
 * @typedef {object} Task
 * @property {readonly import('./prepare.mjs').Need[]} needs
 * @property {string} [script] what Node runs, with the user's own arguments
 * @property {string} about
 * @property {boolean} [forUser] relative paths among the arguments are the user's, not the checkout's
 */

/** @type {readonly import('./prepare.mjs').Need[]} */
const code = ['dependencies', 'protos'];
/** @type {readonly import('./prepare.mjs').Need[]} */
const all = ['dependencies', 'protos', 'envoy'];

/** @type {Readonly<Record<string, Task>>} */
export const tasks = {
  demo: { needs: all, script: 'demo/main.ts', about: 'the demonstration: control plane, Envoys and backends' },
  test: { needs: all, script: 'setup/test.mjs', about: 'the tests, or those under the paths given' },
  check: { needs: code, script: 'setup/check.mjs', about: 'types, style, dead code, layers and error codes' },
  example: { needs: all, script: 'examples/run.ts', about: 'an example, with Envoys and applications' },
  cli: { needs: code, script: 'src/cli/main.ts', about: 'the switchyard command', forUser: true },
  compose: { needs: code, script: 'test/compose/run.ts', about: 'the test of the container set-up' },
  bench: { needs: all, script: 'bench/main.ts', about: 'the benchmarks, by name' },
  proto: { needs: ['dependencies'], script: 'proto/build.ts', about: "builds the code for Envoy's protocol" },
  lock: { needs: [], script: 'setup/lock-file.mjs', about: 'package-lock.json anew, for every platform' },
  build: { needs: code, script: 'setup/build.mjs', about: 'JavaScript for publishing, into dist/' },
  node: { needs: code, about: 'the right Node, with the arguments given', forUser: true },
  envoy: { needs: ['envoy'], about: 'Envoy itself, with the arguments given', forUser: true },
  setup: { needs: all, about: 'the set-up alone' },
};

/** Tests that need no Envoy, so that they run where none can be had. */
const withoutEnvoy = /^(\.\/)?test\/(unit|architecture|protocol|golden)(\/|$)/;

/**
 * @param {string} name
 * @param {readonly string[]} args
 * @returns {readonly import('./prepare.mjs').Need[]}
 */
export function needsOf(name, args) {
  const paths = args.filter(arg => !arg.startsWith('-'));
  if (name === 'test' && paths.length > 0 && paths.every(path => withoutEnvoy.test(path))) return code;
  return tasks[name]?.needs ?? [];
}
