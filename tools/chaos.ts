/**
 * `npm run chaos -- --seed S --runs N [--database sqlite|postgres] [--replicas K] [--parallel P]`
 *
 * Real processes, random plans, kills, pauses and lost answers at seeded moments; afterwards every promise is checked.
 * The same seed repeats the same choices (not the same nanoseconds). `postgres` needs DATABASE_URL of a server on which
 * databases may be made.
 */
import { parseArgs } from 'node:util';
import { chaosRun, type Verdict } from './chaos/run.ts';
import { withDatabase } from './chaos/database.ts';

const text = (value: string) => ({ type: 'string', default: value }) as const;
const { values } = parseArgs({
  options: { seed: text('1'), runs: text('10'), database: text('sqlite'), replicas: text('1'), parallel: text('2') },
});
const runs = Number(values.runs);
const replicas = values.database === 'sqlite' ? 1 : Number(values.replicas);

const verdicts: (Verdict & { readonly seed: string })[] = [];
let next = 0;
async function worker(): Promise<void> {
  while (next < runs) {
    const seed = `${values.seed}/${next++}`;
    let verdict: Verdict;
    try {
      verdict = await withDatabase(values.database, (databaseUrl) => chaosRun({ seed, replicas, databaseUrl }));
    } catch (error) {
      verdict = {
        state: 'error',
        kills: 0,
        faults: 0,
        broken: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
      };
    }
    verdicts.push({ seed, ...verdict });
    console.log(
      `${verdict.broken.length === 0 ? 'ok  ' : 'FAIL'} ${seed}: ${verdict.state}, ${verdict.kills} kills or pauses, ${verdict.faults} faults${verdict.broken.map((line) => `\n      ${line}`).join('')}`,
    );
  }
}
await Promise.all(Array.from({ length: Number(values.parallel) }, worker));
const bad = verdicts.filter(({ broken }) => broken.length > 0);
const states = Object.entries(Object.groupBy(verdicts, ({ state }) => state)).map(
  ([state, some]) => `${some?.length} ${state}`,
);
console.log(`${verdicts.length} runs: ${states.join(', ')}; ${bad.length} broke a promise`);
process.exitCode = bad.length === 0 ? 0 : 1;
