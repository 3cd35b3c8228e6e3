// Makes what is published: JavaScript and type declarations of src and of the protocol code that it uses, in dist/.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
try {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: 'inherit',
  });
} catch {
  // The compiler has said what is wrong.
  process.exit(1);
}
mkdirSync(join(dist, 'proto', 'gen'), { recursive: true });
// Types only: of their code nothing is left.
for (const name of readdirSync(join(dist, 'proto', 'gen'))) {
  if (name.endsWith('.js')) rmSync(join(dist, 'proto', 'gen', name));
}
for (const name of readdirSync(join(root, 'proto', 'gen'))) {
  if (name.endsWith('.json')) cpSync(join(root, 'proto', 'gen', name), join(dist, 'proto', 'gen', name));
}
console.log('dist/ is built');
