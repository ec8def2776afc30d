/** `npm run bench`: every figure beside a baseline of the same run. `--json` for programs, `--write` for docs/benchmarks.md. */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { benchApply } from './bench/apply.ts';
import { benchEffects } from './bench/effects.ts';
import { ratioOf, type Figure } from './bench/figure.ts';
import { benchGraph } from './bench/graph.ts';
import { benchLists } from './bench/lists.ts';
import { benchPolicy } from './bench/policy.ts';
import { benchProcess } from './bench/process.ts';
import { benchPostgres, benchReplicas } from './bench/replicas.ts';
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
const wanted = process.argv.slice(2).filter((name) => !name.startsWith('--'));
const figures: Figure[] = [];
for (const [name, measure] of Object.entries(parts)) {
  if (wanted.length === 0 || wanted.includes(name)) figures.push(...(await measure()));
}

const number = (value: number): string =>
  value >= 100 ? String(Math.round(value)) : String(Math.round(value * 100) / 100);
const rows = figures.map((figure) => {
  const ratio = ratioOf(figure);
  return `| ${figure.name} | ${number(figure.value)} ${figure.unit} | ${figure.baseline === undefined ? '' : `${number(figure.baseline)} (${figure.what})`} | ${ratio === undefined ? '' : number(ratio)} | ${figure.limit ?? ''} |`;
});
const table = [
  '| figure | measured | baseline in the same run | ratio | limit |',
  '|---|---|---|---|---|',
  ...rows,
].join('\n');

if (process.argv.includes('--json'))
  console.log(
    JSON.stringify(
      figures.map((figure) => ({ ...figure, ratio: ratioOf(figure) })),
      undefined,
      2,
    ),
  );
else console.log(table);
if (process.argv.includes('--write')) {
  const machine = `${cpus().length} cores, ${cpus()[0]?.model.trim() ?? ''}, Node ${process.versions.node}`;
  writeFileSync(
    join(ROOT, 'docs/benchmarks.md'),
    `# Benchmarks\n\nRepeat with \`npm run bench\` (\`npm run bench -- twin\` for one part, \`--json\` for programs, \`--write\` to renew this page).\nFigures depend on the machine; the ratio to a baseline of the same run is what to compare.\n\nThis machine: ${machine}.\n\n${table}\n`,
  );
}
