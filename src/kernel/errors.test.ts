import { describe, expect, it } from 'vitest';
import { AgentError, CATALOGUE, isAgentError, toAgentError, toProblem, type ErrorCode } from './errors.ts';
import { Secret } from './secret.ts';

/** What other programs build on: code and HTTP status. */
const CONTRACT: Readonly<Record<string, number>> = {
  VALIDATION_FAILED: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  APPROVAL_FORBIDDEN: 403,
  POLICY_DENIED: 403,
  NOT_FOUND: 404,
  PLAN_NOT_FOUND: 404,
  APPROVAL_REQUIRED: 409,
  PLAN_EXPIRED: 409,
  PLAN_CONSUMED: 409,
  PLAN_STATE: 409,
  REQUEST_HASH_MISMATCH: 409,
  PLAN_HASH_MISMATCH: 409,
  PLAN_DIVERGED: 409,
  TARGET_CHANGED: 409,
  TARGET_BUSY: 409,
  IDEMPOTENCY_CONFLICT: 409,
  PREFLIGHT_FAILED: 422,
  RATE_LIMITED: 429,
  PVE_REJECTED: 502,
  PVE_TASK_FAILED: 502,
  PVE_UNREACHABLE: 503,
  ENVIRONMENT_FROZEN: 503,
  INTERNAL: 500,
};
/** Exit codes of the contract: 1 failed, 2 usage, 3 denied, 4 approval, 5 not found, 6 conflict, 7 unreachable, 8 attention. */
const EXITS: Partial<Record<ErrorCode, number>> = {
  VALIDATION_FAILED: 2,
  POLICY_DENIED: 3,
  APPROVAL_REQUIRED: 4,
  PLAN_NOT_FOUND: 5,
  PLAN_HASH_MISMATCH: 6,
  TARGET_BUSY: 6,
  TARGET_CHANGED: 6,
  PVE_UNREACHABLE: 7,
  NEEDS_ATTENTION: 8,
  PVE_TASK_FAILED: 1,
};
const codes = Object.keys(CATALOGUE) as ErrorCode[];

describe('the catalogue', () => {
  it.each(Object.entries(CONTRACT))('has %s with status %i', (code, status) => {
    expect(CATALOGUE[code as ErrorCode]).toMatchObject({ status });
  });

  it.each(Object.entries(EXITS))('lets %s end a command with %i', (code, exit) => {
    expect(CATALOGUE[code as ErrorCode].exit).toBe(exit);
  });

  it.each(codes)('says of %s what it means and what to do', (code) => {
    const { status, exit, title, advice } = CATALOGUE[code];
    expect(status).toBeGreaterThanOrEqual(400);
    expect(exit).toBeGreaterThanOrEqual(1);
    expect(exit).toBeLessThanOrEqual(8);
    expect(title).toMatch(/^[A-Z].*[^.]$/);
    expect(advice).toMatch(/^[A-Z].*\.$/);
  });
});

describe('toAgentError', () => {
  it('keeps one of ours and hides the text of any other', () => {
    const ours = new AgentError('PLAN_EXPIRED', 'it expired');
    expect(toAgentError(ours)).toBe(ours);
    for (const thrown of [new Error('password=hunter2'), 'password=hunter2', undefined, { password: 'hunter2' }]) {
      const error = toAgentError(thrown);
      expect(error).toMatchObject({ code: 'INTERNAL', message: 'An unexpected error occurred.' });
      expect(JSON.stringify(toProblem(error, 'c1'))).not.toContain('hunter2');
    }
  });

  it('knows its own by code', () => {
    const error = new AgentError('TARGET_BUSY', 'busy');
    expect([isAgentError(error), isAgentError(error, 'TARGET_BUSY'), isAgentError(error, 'INTERNAL')]).toEqual([
      true,
      true,
      false,
    ]);
    expect(isAgentError(new Error('busy'))).toBe(false);
  });
});

describe('toProblem', () => {
  it('is an RFC 9457 document with what helps, and without stack or cause', () => {
    const error = new AgentError('PLAN_HASH_MISMATCH', 'not that hash', {
      plan_id: 'p1',
      operation_id: 'o1',
      errors: { plan_hash: 'is another' },
      more: { pve: { status: 500 } },
      cause: new Error('inside'),
    });
    expect(toProblem(error, 'c1')).toEqual({
      type: 'urn:proxmox-agent:error:PLAN_HASH_MISMATCH',
      code: 'PLAN_HASH_MISMATCH',
      title: 'The hash is not the hash of this plan',
      status: 409,
      detail: 'not that hash',
      advice: 'Read the plan again and approve what it says now.',
      retryable: false,
      correlation_id: 'c1',
      plan_id: 'p1',
      operation_id: 'o1',
      errors: { plan_hash: 'is another' },
      pve: { status: 500 },
    });
  });

  it('lets further members replace none of its own', () => {
    const error = new AgentError('FORBIDDEN', 'no', { more: { code: 'OK', status: 200, detail: 'yes', title: 'x' } });
    expect(toProblem(error, 'c1')).toMatchObject({
      code: 'FORBIDDEN',
      status: 403,
      detail: 'no',
      title: 'Not allowed',
    });
  });

  it('shows a secret in none of its members', () => {
    const error = new AgentError('VALIDATION_FAILED', `bad: ${new Secret('hunter2').toString()}`, {
      more: { password: new Secret('hunter2') },
    });
    expect(JSON.stringify(toProblem(error, 'c1'))).not.toContain('hunter2');
  });
});
