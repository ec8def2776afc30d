import { z } from 'zod';
import { AgentError } from '../kernel/errors.ts';
import { fieldErrors, fit } from '../kernel/fit.ts';
import { nearest } from '../kernel/nearest.ts';
import { ACTIONS } from './catalogue.generated.ts';
import type { AnyAction, Target } from './define.ts';

/** JSON Schema (draft 2020-12) of an action's parameters as callers send them. */
export const paramsSchema = (action: AnyAction): Record<string, unknown> =>
  z.toJSONSchema(action.params, { io: 'input', unrepresentable: 'any' });

const byName = new Map(
  ACTIONS.flatMap((action) => [action.name, ...(action.aliases ?? [])].map((name) => [name, action] as const)),
);

/** By name or older name. Errors: `NOT_FOUND` with the nearest name. */
export function findAction(name: string): AnyAction {
  const action = byName.get(name);
  if (action !== undefined) return action;
  const hint = nearest(name, [...byName.keys()]);
  throw new AgentError(
    'NOT_FOUND',
    `There is no action "${name}"${hint === undefined ? '' : `; did you mean ${hint}?`}`,
    { errors: { action: 'is not in the catalogue' } },
  );
}

/** The action's parameters, checked and with defaults. Errors: `VALIDATION_FAILED` naming every wrong field. */
export function parseParams(action: AnyAction, params: unknown): unknown {
  const parsed = fit(action.params, params ?? {});
  if (parsed.success) return parsed.data;
  throw new AgentError('VALIDATION_FAILED', `The parameters of ${action.name} are not valid.`, {
    errors: fieldErrors(parsed.misfits, 'params'),
  });
}

// No leading zeros: locks and limits go by a target's text, so one guest has exactly one.
const TARGET = /^(?:(vm|ct|qemu|lxc)\/([1-9]\d{2,8})|(node|storage)\/([A-Za-z0-9][\w.-]*)|(cluster))$/;

/** A target's kind and id as written; where it is, is looked up in the estate. Errors: `VALIDATION_FAILED`. */
export function parseTarget(text: string): Pick<Target, 'kind' | 'id' | 'text' | 'vmid'> {
  const match = TARGET.exec(text);
  if (match === null) {
    throw new AgentError(
      'VALIDATION_FAILED',
      `"${text}" is not a target; write vm/103, ct/104, node/pve1, storage/local-lvm or cluster.`,
      { errors: { target: 'must be one concrete target' } },
    );
  }
  const [, guest, vmid, other, id] = match;
  if (guest !== undefined && vmid !== undefined) {
    const kind = guest === 'qemu' || guest === 'vm' ? 'vm' : 'ct';
    return { kind, id: vmid, text: `${kind}/${vmid}`, vmid: Number(vmid) };
  }
  if (other !== undefined && id !== undefined) return { kind: other as 'node' | 'storage', id, text, vmid: 0 };
  return { kind: 'cluster', id: '', text: 'cluster', vmid: 0 };
}
