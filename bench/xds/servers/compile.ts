import { type Build, pipeline } from '../../../src/control/pipeline.ts';
import type { StoredDocument } from '../../../src/store/store.ts';
import { changingFile, type LargePolicy, servicesText, texts } from '../large-policy.ts';

/** Reads and builds a policy in a process of its own, and prints what it took: `SERVICES ENDPOINTS CHANGES`. */

const [services = 0, endpoints = 0, changes = 1] = process.argv.slice(2).map(Number);
const policy: LargePolicy = { services, endpoints };

interface Made {
  readonly documents: readonly StoredDocument[];
  readonly build: Build;
  /** Of reading, and of building. */
  readonly ms: readonly [number, number];
}

function make(documents: readonly StoredDocument[], before?: Made): Made {
  const began = performance.now();
  const { policy, sources, problems } = pipeline.read(documents);
  if (!policy) throw new Error(`the policy of this benchmark has errors: ${JSON.stringify(problems[0])}`);
  const read = performance.now();
  const input = { policy, sources, overrides: [], resolved: new Map(), quarantines: [] };
  const outcome = pipeline.build(input, before?.build);
  if (outcome.kind === 'failed') throw new Error(`it cannot be built: ${JSON.stringify(outcome.problems[0])}`);
  return { documents, build: outcome.build, ms: [read - began, performance.now() - read] };
}

/** All files but one are the objects that they were, as where they are read from a folder. */
function changed({ documents }: Made, weight: number): readonly StoredDocument[] {
  const fresh = servicesText(policy, changingFile(policy), weight);
  return documents.map(document => (document.file === fresh.file ? fresh : document));
}

// The first compiles the code as well, which a server has behind it after its first policy.
let last = make(texts(policy, 1));
const [first, each]: [Made, Made['ms'][]] = [last, []];
for (let round = 0; round < changes; round++) {
  last = make(changed(last, 2 + round), last);
  each.push(last.ms);
}
// As when a server reads all its files again, but with warm code.
const again = make(texts(policy, 1)).ms;
const middle = (at: 0 | 1): number => each.map(ms => ms[at]).toSorted((a, b) => a - b)[each.length >> 1] ?? Number.NaN;
globalThis.gc?.();
console.log(
  JSON.stringify({
    read: first.ms[0],
    build: first.ms[1],
    readAgain: again[0],
    buildAgain: again[1],
    changeRead: middle(0),
    changeBuild: middle(1),
    rss: process.memoryUsage.rss(),
  }),
);
