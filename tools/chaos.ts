/**
 * `npm run chaos -- --seed S --runs N [--database sqlite|postgres] [--replicas K] [--parallel P]`
 *
 * Real processes, random plans over the whole catalogue; kills, pauses, crashes of nodes and of the database, and lost
 * answers at seeded moments; afterwards every promise is checked. The same seed repeats the same choices (not the same
 * nanoseconds). `postgres` starts servers of its own.
 */
import { parseArgs } from 'node:util';
import { openDatabase } from './chaos/database.ts';
import { chaosRun, type Verdict } from './chaos/run.ts';

const text = (value: string) => ({ type: 'string', default: value }) as const;
const { values } = parseArgs({
  options: { seed: text('1'), runs: text('10'), database: text('sqlite'), replicas: text('1'), parallel: text('2') },
});
const runs = Number(values.runs);
const replicas = values.database === 'sqlite' ? 1 : Number(values.replicas);

const verdicts: Verdict[] = [];
let next = 0;

async function one(seed: string): Promise<Verdict> {
  const database = await openDatabase(values.database);
  try {
    return await chaosRun({ seed, replicas, database });
  } catch (error) {
    const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { state: 'error', disturbed: [], faults: 0, why: '', broken: [words] };
  } finally {
    await database.end();
  }
}

async function worker(): Promise<void> {
  while (next < runs) {
    const seed = `${values.seed}/${next++}`;
    const verdict = await one(seed);
    verdicts.push(verdict);
    const { state, disturbed, faults, why, broken } = verdict;
    const reason = state === 'applied' || why === '' ? '' : ` (${why.slice(0, 160)})`;
    const lines = broken.map((line) => `\n      ${line}`).join('');
    const told = `${state}${reason}, ${faults} faults${disturbed.length === 0 ? '' : `, ${disturbed.join(' ')}`}`;
    console.log(`${broken.length === 0 ? 'ok  ' : 'FAIL'} ${seed}: ${told}${lines}`);
  }
}
await Promise.all(Array.from({ length: Number(values.parallel) }, worker));
const bad = verdicts.filter(({ broken }) => broken.length > 0);
const states = Object.entries(Object.groupBy(verdicts, ({ state }) => state)).map(
  ([state, some]) => `${some?.length} ${state}`,
);
console.log(`${verdicts.length} runs: ${states.join(', ')}; ${bad.length} broke a promise`);
process.exitCode = bad.length === 0 ? 0 : 1;
