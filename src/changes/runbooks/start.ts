import { z } from 'zod';
import { AgentError } from '../../kernel/errors.ts';
import { fit } from '../../kernel/fit.ts';
import { insertRunbookRun, type MadeNote } from '../../store/index.ts';
import { actorOf, requireRole, type Principal } from '../../identity/index.ts';
import { fill, fillText, readValues, type Values } from './parameters.ts';
import { misfitsOf, type Runbook } from './parse.ts';
import { environmentsOf, recordOf, stateOf, type Run, type RunStep } from './run.ts';
import { noteChange, type RunbookDeps } from './change.ts';
import { stepSchema } from './steps.ts';

export const startSchema = z.strictObject({
  runbook: z.string().min(1).max(64).describe('Id of the runbook.'),
  parameters: z
    .record(z.string(), z.union([z.string().max(1000), z.number()]))
    .default({})
    .describe('A value for each of its parameters that has no default.'),
  change_id: z.string().max(64).optional().describe('The change record that this belongs to, such as CC-001.'),
});

/**
 * Begins a run at its first step; nothing of a lab is touched by that. The steps are kept with the run as they are now,
 * whatever becomes of the file. Errors: `NOT_FOUND`, `VALIDATION_FAILED` naming the parameters, `FORBIDDEN`.
 */
export async function startRun(
  deps: RunbookDeps,
  { runbook: id, parameters, change_id }: z.output<typeof startSchema>,
  principal: Principal,
  note?: MadeNote,
): Promise<Run> {
  const runbook = deps.library.get(id);
  const values = readValues(runbook.parameters, parameters);
  const steps = stepsWith(runbook, values);
  requireRole(principal, 'operator');
  for (const environment of environmentsOf(steps)) {
    requireRole(principal, 'operator', environment);
    deps.changes.estate.get(environment);
  }
  const { store, clock, ids } = deps.changes;
  const at = clock.now();
  const { title, version, summary, introduction } = runbook;
  const made: Run = {
    run_id: ids.uuid(),
    runbook_id: runbook.id,
    state: 'waiting',
    change_id: change_id ?? null,
    created_at: at,
    updated_at: at,
    ended_at: null,
    created_by: actorOf(principal),
    body: {
      title,
      version,
      summary,
      introduction: fillText(introduction, values),
      parameters: values,
      steps,
      notes: [],
      paused: false,
      canceled: false,
    },
  };
  const run = { ...made, state: stateOf(made) };
  await store.commit(async (trx) => {
    await insertRunbookRun(trx, recordOf(run));
    const payload = { runbook: runbook.id, version, parameters: values, change_id: run.change_id };
    await noteChange(deps, trx, run, { event: 'runbook.started', by: actorOf(principal), payload });
    await note?.(trx, run.run_id);
  });
  return run;
}

/** The steps with the values in their places. A value may pass its pattern and still not fit a field. */
function stepsWith({ steps }: Runbook, values: Values): RunStep[] {
  const errors: Record<string, string> = {};
  const filled = steps.flatMap(({ number, title, text, fields }): RunStep[] => {
    const parsed = fit(stepSchema, fill(fields, values));
    const wrong = parsed.success
      ? misfitsOf(parsed.data)
      : parsed.misfits.map(({ path, what }) => [path, what] as const);
    for (const [path, what] of wrong) errors[`steps.${number}.${path.join('.')}`] = what;
    if (!parsed.success) return [];
    const head = { number, title: fillText(title, values), text: fillText(text, values) };
    return [{ ...head, spec: parsed.data, state: 'pending', attempts: [] }];
  });
  if (Object.keys(errors).length === 0) return filled;
  throw new AgentError('VALIDATION_FAILED', 'With these parameters the steps do not fit.', { errors });
}
