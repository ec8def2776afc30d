/** `npm run bench`: every figure beside a baseline of the same run. `--json` for programs, `--write` for docs/benchmarks.md. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { benchApply } from './bench/apply.ts';
import { benchEffects, benchPostgres } from './bench/effects.ts';
import { ratioOf, type Figure } from './bench/figure.ts';
import { benchGraph } from './bench/graph.ts';
import { benchLists } from './bench/lists.ts';
import { renewed, table } from './bench/page.ts';
import { benchPolicy } from './bench/policy.ts';
import { benchProcess } from './bench/process.ts';
import { benchReplicas } from './bench/replicas.ts';
import { benchSimulator } from './bench/simulator.ts';
import { benchTwin } from './bench/twin.ts';
import { benchWaiting } from './bench/waiting.ts';
import { ROOT } from './files.ts';

const parts: Record<string, () => Promise<Figure[]>> = {
  effects: benchEffects,
  postgres: benchPostgres,
  replicas: benchReplicas,
  lists: benchLists,
  waiting: benchWaiting,
  twin: benchTwin,
  policy: benchPolicy,
  graph: benchGraph,
  apply: () => benchApply('1'),
  'apply-instant': () => benchApply('instant'),
  simulator: benchSimulator,
  process: benchProcess,
};
const PAGE = join(ROOT, 'docs/benchmarks.md');
const wanted = process.argv.slice(2).filter((name) => !name.startsWith('--'));
const figures: Figure[] = [];
for (const [name, measure] of Object.entries(parts)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const measured = await measure();
  figures.push(...measured);
  // After each part: what was measured stays, whatever becomes of the next.
  if (process.argv.includes('--write')) writeFileSync(PAGE, renewed(PAGE, measured));
}

if (process.argv.includes('--json'))
  console.log(
    JSON.stringify(
      figures.map((figure) => ({ ...figure, ratio: ratioOf(figure) })),
      undefined,
      2,
    ),
  );
else console.log(table(figures));
