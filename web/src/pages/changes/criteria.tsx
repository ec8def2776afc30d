import { useState } from 'react';
import { useStep } from '../../api/change_queries.ts';
import type { Change, Criterion } from '../../api/change_types.ts';
import { useMe } from '../../api/queries.ts';
import { Button } from '../../parts/button.tsx';
import { Chip, type Tone } from '../../parts/chip.tsx';
import { Field } from '../../parts/field.tsx';
import { nameOf } from '../../parts/format.ts';
import { ProblemNote } from '../../parts/problem_note.tsx';
import { Panel } from '../../parts/section.tsx';
import { Ago } from '../../parts/time.tsx';
import { Part } from '../plan/part.tsx';
import { isOver, whyNotCheck, whyNotJudge } from './may.ts';

/** What has to be true for the change to be completed: by a check that runs here, or by a person's word. */
export function Criteria({ change }: { change: Change }) {
  const { data: me } = useMe();
  const { id, validation } = change;
  const run = useStep(id);
  const passed = validation.filter(({ result }) => result === 'passed').length;
  return (
    <Part title={`Validation criteria (${passed} of ${validation.length} passed)`}>
      {validation.length === 0 ? (
        <p className="text-dim">None; it can be completed when it is done.</p>
      ) : (
        <Panel>
          <ol className="divide-y divide-line" aria-label="Validation criteria">
            {validation.map((criterion) => (
              <Row key={`${criterion.n} ${criterion.text}`} change={change} criterion={criterion} />
            ))}
          </ol>
        </Panel>
      )}
      {!isOver(change) && validation.length > 0 && (
        <div className="mt-2">
          {run.error !== null && <ProblemNote error={run.error} />}
          <Button
            busy={run.isPending}
            disabledBecause={whyNotCheck(me, change)}
            onClick={() => run.mutate({ path: 'check', body: {} })}
          >
            Run the checks
          </Button>
        </div>
      )}
    </Part>
  );
}

const TONES: Readonly<Record<Criterion['result'], Tone>> = { open: 'none', passed: 'ok', failed: 'bad' };

function Row({ change, criterion }: { change: Change; criterion: Criterion }) {
  const { n, text, result, check, how, by, at, evidence } = criterion;
  return (
    <li className="flex flex-col gap-1 px-3 py-2" aria-label={`Criterion ${n}`}>
      <div className="flex flex-wrap items-baseline gap-2">
        <span className="tabular-nums">{n}.</span>
        <Chip tone={TONES[result]}>{result}</Chip>
        <span className="min-w-0 flex-1 basis-48 break-words">{text}</span>
      </div>
      {check !== undefined && <p className="text-xs text-dim">Checked here: {checkWords(check)}</p>}
      {how !== undefined && (
        <p className="break-words text-dim">
          {how === 'check' ? 'Checked' : `Said by ${nameOf(by)}`} <Ago at={at} />
          {evidence !== undefined && evidence !== '' && `: ${evidence}`}
        </p>
      )}
      {!isOver(change) && <Judge change={change} n={n} />}
    </li>
  );
}

function checkWords({ kind, target, environment, status, host, port }: NonNullable<Criterion['check']>): string {
  if (kind === 'plan') return 'every plan of this change was applied and verified.';
  if (kind === 'guest') return `${target ?? ''} in ${environment ?? ''} is ${status ?? ''}.`;
  return `${host ?? ''}:${port ?? ''} answers.`;
}

/** A person's word on a criterion, with what shows it. */
function Judge({ change, n }: { change: Change; n: number }) {
  const { data: me } = useMe();
  const [evidence, setEvidence] = useState('');
  const step = useStep(change.id);
  const why = whyNotJudge(me, change) ?? (evidence.trim() === '' ? 'Say what shows it.' : undefined);
  const say = (result: 'passed' | 'failed'): void =>
    step.mutate(
      { path: `criteria/${n}`, body: { result, evidence: evidence.trim() } },
      { onSuccess: () => setEvidence('') },
    );
  return (
    <details>
      <summary className="text-accent">Say whether it holds</summary>
      <div className="mt-1 flex flex-col gap-2">
        {step.error !== null && <ProblemNote error={step.error} />}
        <Field label={`Evidence for criterion ${n}`}>
          {(ids) => <input {...ids} value={evidence} onChange={(event) => setEvidence(event.target.value)} />}
        </Field>
        <div className="flex flex-wrap gap-2">
          <Button disabledBecause={why} reasonShown={false} busy={step.isPending} onClick={() => say('passed')}>
            It holds
          </Button>
          <Button look="danger" disabledBecause={why} busy={step.isPending} onClick={() => say('failed')}>
            It does not
          </Button>
        </div>
      </div>
    </details>
  );
}
