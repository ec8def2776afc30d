/** `npm run build`: the package as it is published. JavaScript by `tsc`, the data files beside it, the page. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { filesBelow, ROOT } from './files.ts';

function run(script: string, ...args: readonly string[]): void {
  const { status } = spawnSync(process.execPath, [join(ROOT, 'node_modules', script), ...args], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}

rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
run('typescript/bin/tsc', '-p', 'tsconfig.build.json');
// What the code reads beside itself: tables and worlds.
for (const file of ['.json', '.yaml']
  .flatMap((ending) => filesBelow('src', ending))
  .filter((name) => !name.includes('fixtures'))) {
  const target = join(ROOT, 'dist', file.slice('src/'.length));
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(join(ROOT, file), target);
}
run('vite/bin/vite.js', 'build', 'web', '--logLevel', 'error');
