import { connect } from 'node:net';
import { AgentError, isAgentError } from '../../kernel/errors.ts';
import { readInventory } from '../../estate/index.ts';
import { record, text } from '../../proxmox/index.ts';
import type { ChangesDeps } from '../changes.ts';
import { actorOf, requirePerson, requireRole, type Principal } from '../../identity/index.ts';
import { findChangeAs } from './access.ts';
import type { CriterionCheck } from './model.ts';
import { isOver, type ChangeRecord, type CriterionResult } from './record.ts';
import { change, type ChangeView } from './records.ts';
import { NEVER_APPLIED, plansOf } from './view.ts';

const TCP_MS = 3_000;

/** A person's word on a criterion, by its number from 1. Errors: `NOT_FOUND`, `CHANGE_STATE`, `APPROVAL_FORBIDDEN`. */
export async function judgeCriterion(
  deps: ChangesDeps,
  id: string,
  input: { readonly n: number; readonly result: 'passed' | 'failed'; readonly evidence: string },
  principal: Principal,
): Promise<ChangeView> {
  if (principal.class !== 'human')
    throw new AgentError('APPROVAL_FORBIDDEN', 'A criterion passes by a check, or by a person’s word.');
  await findChangeAs(deps.store, id, principal, 'operator');
  const { n, result, evidence } = input;
  return change(deps, id, principal, 'change.criterion', (record) => {
    const criterion = record.content.validation[n - 1];
    if (criterion === undefined) throw new AgentError('NOT_FOUND', `${id} has no criterion ${n}.`);
    const word: CriterionResult = { result, how: 'word', at: deps.clock.now(), by: actorOf(principal), evidence };
    return withResults(record, { [criterion.text]: word });
  });
}

/** Runs every check of a change and keeps what each found. Errors: `CHANGE_STATE` when it is over. */
export async function runChecks(deps: ChangesDeps, id: string, principal: Principal): Promise<ChangeView> {
  const { content } = await findChangeAs(deps.store, id, principal, 'operator');
  const found: Record<string, CriterionResult> = {};
  for (const { text, check } of content.validation) {
    if (check === undefined) continue;
    if (check.kind === 'guest') requireRole(principal, 'viewer', check.environment);
    // It tells what answers where only the server can reach.
    if (check.kind === 'tcp') requirePerson(principal, 'let the server try a port');
    const { result, evidence } = await runCheck(deps, id, check);
    found[text] = { result, how: 'check', at: deps.clock.now(), by: actorOf(principal), evidence };
  }
  return change(deps, id, principal, 'change.checked', (now) => withResults(now, found));
}

function withResults(now: ChangeRecord, found: Readonly<Record<string, CriterionResult>>): ChangeRecord {
  if (isOver(now)) throw new AgentError('CHANGE_STATE', `${now.id} is ${now.status}.`);
  return { ...now, results: { ...now.results, ...found } };
}

type Found = Pick<CriterionResult, 'result' | 'evidence'>;
const found = (ok: boolean, evidence: string): Found => ({ result: ok ? 'passed' : 'failed', evidence });

async function runCheck(deps: ChangesDeps, id: string, check: CriterionCheck): Promise<Found> {
  switch (check.kind) {
    case 'plan':
      return plansApplied(deps, id);
    case 'guest':
      return guestStatus(deps, check);
    case 'tcp':
      return answers(check);
  }
}

async function plansApplied(deps: ChangesDeps, id: string): Promise<Found> {
  const plans = (await plansOf(deps.store, id)).filter(({ state }) => !NEVER_APPLIED.includes(state));
  const open = plans.filter(({ state }) => state !== 'applied');
  if (plans.length === 0) return found(false, 'it has no plans');
  return found(
    open.length === 0,
    open.length === 0
      ? `${plans.length} plan(s) applied and verified`
      : open.map(({ plan_id, state }) => `${plan_id} is ${state}`).join('; '),
  );
}

async function guestStatus(
  deps: ChangesDeps,
  { environment, target, status }: Extract<CriterionCheck, { kind: 'guest' }>,
): Promise<Found> {
  try {
    const { api } = deps.estate.get(environment);
    const guest = (await readInventory(api)).guests.get(Number(target.split('/')[1]));
    if (guest === undefined) return found(false, `${target} is not there`);
    // The list of the cluster lags behind (FACTS 41).
    const { kind, node, vmid, name } = guest;
    const current = record(await api.get(`/nodes/${node}/${kind === 'vm' ? 'qemu' : 'lxc'}/${vmid}/status/current`));
    return found(current['status'] === status, `${target} (${name}) is ${text(current['status'])}`);
  } catch (error) {
    if (!isAgentError(error)) throw error;
    return found(false, error.message);
  }
}

function answers({ host, port }: Extract<CriterionCheck, { kind: 'tcp' }>): Promise<Found> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: TCP_MS });
    const end = (ok: boolean, evidence: string): void => {
      socket.destroy();
      resolve(found(ok, evidence));
    };
    socket.once('connect', () => end(true, `${host}:${port} answers`));
    socket.once('timeout', () => end(false, `${host}:${port} did not answer within ${TCP_MS / 1000} s`));
    socket.once('error', (error: NodeJS.ErrnoException) => end(false, `${host}:${port}: ${error.code ?? 'no answer'}`));
  });
}
