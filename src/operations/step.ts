import { canonicalJson, hashJson } from '../kernel/canonical.ts';
import { AgentError } from '../kernel/errors.ts';
import { mapSecrets } from '../kernel/secret.ts';
import type { Effect, Undo } from '../actions/define.ts';
import type { PveParams } from '../proxmox/types.ts';
import type { StepForm, StepParams, TraceStep, UndoPlan } from './types.ts';

/** Turns effects into the form in which plan and apply compare them. `key` fingerprints secrets. */
export class StepForms {
  readonly #key: Uint8Array;
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  of(effect: Effect): StepForm {
    return {
      method: effect.method,
      path: effect.path,
      params: this.#params(effect.params, effect.runtime),
      task: effect.task ?? null,
      undo: this.#undo(effect.undo),
    };
  }

  #params(params: PveParams = {}, runtime: Effect['runtime'] = {}): StepParams {
    const out: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(params)) {
      if (value === undefined) continue;
      const origin = runtime[name];
      out[name] =
        origin === undefined
          ? mapSecrets(value, (secret) => ({ $secret: secret.fingerprint(this.#key) }))
          : { $runtime: origin };
    }
    return out;
  }

  #undo(undo: Undo): UndoPlan {
    if (undo.kind !== 'effect') return undo;
    const { title, method, path, params, runtime } = undo.effect;
    return { kind: 'call', title, method, path, params: this.#params(params, runtime) };
  }
}

const form = ({ method, path, params, task, undo }: StepForm): StepForm => ({ method, path, params, task, undo });

/**
 * The invariant of the product: what was approved is what runs. Throws `PLAN_DIVERGED` when the call about to be made
 * is not the recorded one; nothing has been sent then.
 */
export function assertRecorded(recorded: TraceStep | undefined, actual: StepForm, title: string): TraceStep {
  if (recorded !== undefined && canonicalJson(form(recorded)) === canonicalJson(form(actual))) return recorded;
  const wanted =
    recorded === undefined
      ? 'no further step'
      : `${recorded.method} ${recorded.path} ${JSON.stringify(recorded.params)}`;
  throw new AgentError(
    'PLAN_DIVERGED',
    `"${title}" was stopped before it was sent: the approved plan has ${wanted} here, the lab now leads to ` +
      `${actual.method} ${actual.path} ${JSON.stringify(actual.params)}.`,
  );
}

export const traceHash = (trace: readonly TraceStep[]): string => hashJson(trace);

/** `pve1` of `/nodes/pve1/qemu/…`. */
export const nodeInPath = (path: string): string | undefined => /^\/nodes\/([^/]+)\//.exec(path)?.[1];
