import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { hasRecordings, loadRules, replay, scenariosOf, type Result } from './golden-replay.ts';

const SUITES = [
  'access',
  'agent',
  'backup',
  'cluster',
  'disk',
  'failure',
  'firewall',
  'ha',
  'http',
  'mapping',
  'migrate',
  'network',
  'pools',
  'power',
  'provision',
  'snapshot',
  'storage',
  'tasks',
];
/** Fewer steps than this must not agree, whatever the exceptions say. */
const EXPECTED_STEPS = 965;
const EXPECTED_STATES = 4804;

interface Exceptions {
  readonly steps: Record<string, string>;
  readonly after: Record<string, string>;
}
const exceptions = JSON.parse(readFileSync(new URL('./golden-exceptions.json', import.meta.url), 'utf8')) as Exceptions;

/** What differs and is not a known exception, as lines to read. */
function surprises(results: readonly Result[], part: 'steps' | 'after'): string[] {
  return results.flatMap(({ name, [part]: compared }) =>
    [...compared]
      .filter(
        ([key, notes]) =>
          notes.length > 0 && !(`${name}: ${key}` in exceptions[part]) && !(`*: ${key}` in exceptions[part]),
      )
      .map(([key, notes]) => `${name}: ${key}: ${notes[0]}`),
  );
}

const count = (results: readonly Result[], part: 'steps' | 'after'): { agree: number; all: number } => {
  const compared = results.flatMap((result) => [...result[part].values()]);
  return { agree: compared.filter((notes) => notes.length === 0).length, all: compared.length };
};

// The recordings are data beside the repository; a checkout alone does not have them.
describe.runIf(hasRecordings)('recordings of a real cluster', () => {
  let results: Result[] = [];
  beforeAll(async () => {
    const rules = await loadRules();
    results = [];
    for (const file of SUITES.flatMap(scenariosOf)) results.push(await replay(file, rules));
  });

  it('are answered the same', () => {
    const { agree, all } = count(results, 'steps');
    process.stdout.write(`${agree} of ${all} steps agree\n`);
    expect(surprises(results, 'steps')).toEqual([]);
    expect(agree).toBeGreaterThanOrEqual(EXPECTED_STEPS);
  });

  it('leave the same state', () => {
    const { agree, all } = count(results, 'after');
    process.stdout.write(`${agree} of ${all} states agree\n`);
    expect(surprises(results, 'after')).toEqual([]);
    expect(agree).toBeGreaterThanOrEqual(EXPECTED_STATES);
  });

  it('have no exception that is no longer needed', () => {
    const differ = new Set(
      results.flatMap(({ name, steps, after }) =>
        [...steps, ...after]
          .filter(([, notes]) => notes.length > 0)
          .flatMap(([key]) => [`${name}: ${key}`, `*: ${key}`]),
      ),
    );
    expect(
      [...Object.keys(exceptions.steps), ...Object.keys(exceptions.after)].filter((key) => !differ.has(key)),
    ).toEqual([]);
  });
});
