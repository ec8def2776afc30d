import { Case, type Operation } from '../contract/cases.ts';
import { isAgentError } from '../../src/kernel/errors.ts';
import type { TraceStep } from '../../src/operations/index.ts';

export interface Planned {
  readonly titles: string[];
  readonly params: readonly unknown[];
  readonly warnings: string[];
  readonly risk: string;
  /** Why the risk is higher than the action's own. */
  readonly raises: string[];
  readonly state: string;
  readonly trace: readonly TraceStep[];
  /** What the code answered on the twin. */
  readonly result: Record<string, unknown>;
}

/** Plans one action in the example lab and gives what a person would look at. */
export async function planned(
  action: string,
  target: string,
  params: object = {},
  prepare?: (one: Case) => void,
): Promise<Planned> {
  const one = new Case();
  prepare?.(one);
  const life = one.life();
  try {
    const plan = await life.plan({ action, target, params });
    const trace = plan['trace'] as TraceStep[];
    const preflight = plan['preflight'] as { result: string; detail: string }[];
    return {
      titles: trace.map(({ title }) => title),
      params: trace.map((step) => step.params),
      warnings: preflight.filter(({ result }) => result === 'warn').map(({ detail }) => detail),
      risk: (plan['risk'] as { level: string }).level,
      raises: (plan['risk'] as { raises: { reason: string }[] }).raises.map(({ reason }) => reason),
      state: String(plan['state']),
      trace,
      result: (plan['results'] as Record<string, Record<string, unknown>>)['a1'] ?? {},
    };
  } finally {
    await life.close();
    one.close();
  }
}

/** The words with which a plan is refused. */
export async function refused(
  action: string,
  target: string,
  params: object = {},
  prepare?: (one: Case) => void,
): Promise<string> {
  try {
    const { titles } = await planned(action, target, params, prepare);
    return `not refused: ${titles.join('; ')}`;
  } catch (error) {
    if (!isAgentError(error)) throw error;
    return `${error.code}: ${error.message}${error.details.errors === undefined ? '' : ` ${JSON.stringify(error.details.errors)}`}`;
  }
}

/** Plans and applies in the example lab; answers the operation and the lab for a look. */
export async function applied(
  action: string,
  target: string,
  params: object = {},
  look: (one: Case, operation: Operation) => void = () => {},
  prepare?: (one: Case) => void,
): Promise<void> {
  const one = new Case();
  prepare?.(one);
  try {
    const { operation } = await one.run({ action, target, params });
    look(one, operation);
  } finally {
    one.close();
  }
}

/** Sends a call as root, as a person at the node would, and lets its task end. */
export function byHand(one: Case, method: string, path: string, params: Record<string, string | number> = {}): void {
  const { status, body } = one.simulator.handle({ method, path, params, principal: 'root@pam' });
  if (status !== 200) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(body)}`);
  one.simulator.settle();
}
