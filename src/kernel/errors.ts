/**
 * The one error catalogue. Everything that can go wrong for a user has a code here, with the HTTP status, the CLI's
 * exit code, whether trying again can help, what it means and what to do. Rooms throw `AgentError`; `surfaces/`
 * translates once. `docs/errors.md` is generated from this table and compared with it by a test.
 */
interface CatalogueEntry {
  readonly status: number;
  readonly exit: number;
  readonly retryable: boolean;
  readonly title: string;
  readonly advice: string;
}

const entry = (status: number, exit: number, retryable: boolean, title: string, advice: string): CatalogueEntry => ({
  status,
  exit,
  retryable,
  title,
  advice,
});

export const CATALOGUE = {
  VALIDATION_FAILED: entry(
    400,
    2,
    false,
    'The request is not valid',
    'Correct the fields named under `errors` and send it again.',
  ),
  UNAUTHENTICATED: entry(
    401,
    3,
    false,
    'No valid credentials',
    'Send `Authorization: Bearer pxa_…` or sign in; make a token with `proxmox-agent token create`.',
  ),
  FORBIDDEN: entry(
    403,
    3,
    false,
    'Not allowed',
    'Ask an admin for the role that is named, or use a token that has it.',
  ),
  FACTOR_REQUIRED: entry(
    403,
    3,
    false,
    'A second factor is needed',
    'Send the code of your authenticator, a recovery code or a passkey’s answer as `factor`.',
  ),
  FACTOR_INVALID: entry(
    403,
    3,
    false,
    'The second factor was not accepted',
    'Each code counts once: wait for the next one, or use a recovery code or a passkey.',
  ),
  PROVIDER_UNREACHABLE: entry(
    502,
    7,
    true,
    'The identity provider cannot be reached',
    'Check `auth.oidc` in the configuration, and whether the provider is up; sign in with a password meanwhile.',
  ),
  APPROVAL_FORBIDDEN: entry(
    403,
    3,
    false,
    'This caller can never approve',
    'A person with the approver role has to approve; agents and services cannot, whatever their role.',
  ),
  POLICY_DENIED: entry(
    403,
    3,
    false,
    'Denied by policy',
    'Read the rules under `decision.rules`; change the request or the policy.',
  ),
  POLICY_INVALID: entry(
    422,
    2,
    false,
    'The policy is not valid',
    'Correct what is named with its file, line and column. Nothing starts with a broken policy; a running server keeps the one that it has.',
  ),
  RUNBOOK_INVALID: entry(
    422,
    2,
    false,
    'The runbook is not valid',
    'Correct what is named with its file and line; `proxmox-agent runbook lint FILE` checks it on your machine.',
  ),
  RUN_STATE: entry(
    409,
    6,
    false,
    'The run of the runbook is in a state that does not allow this',
    'Look at the run: it says which step it stands at and what that waits for.',
  ),
  SECOND_FACTOR_REQUIRED: entry(
    403,
    3,
    false,
    'A fresh second factor is needed',
    'Send `factor` with the approval and, for your own plan or change, `confirm` with the first 8 digits of its hash or digest; or let another person approve it.',
  ),
  OBLIGATION_UNMET: entry(
    409,
    6,
    true,
    'What the policy asks for is not given yet',
    'The detail says what is missing and when or how it can be given.',
  ),
  NOT_FOUND: entry(
    404,
    5,
    false,
    'Not found',
    'Check the name; lists of what exists are under /v1/environments, /v1/inventory and /v1/actions.',
  ),
  PLAN_NOT_FOUND: entry(404, 5, false, 'No such plan', 'List plans with `proxmox-agent plan list`.'),
  APPROVAL_REQUIRED: entry(
    409,
    4,
    false,
    'The plan waits for approval',
    'A person approves it with `proxmox-agent approve PLAN_ID` or on the page.',
  ),
  PLAN_EXPIRED: entry(409, 6, false, 'The plan has expired', 'Make the plan again; the lab may have changed since.'),
  PLAN_CONSUMED: entry(
    409,
    6,
    false,
    'The plan was applied already',
    'A plan is applied once. Make a new plan; the earlier operation is under /v1/operations.',
  ),
  PLAN_STATE: entry(
    409,
    6,
    false,
    'The plan is in a state that does not allow this',
    'Look at the plan: its `state` says what can follow.',
  ),
  CHANGE_STATE: entry(
    409,
    6,
    false,
    'The change record does not allow this now',
    'Look at the record: its status and its criteria say what can follow.',
  ),
  REQUEST_HASH_MISMATCH: entry(
    409,
    6,
    false,
    'The request is not the one that was planned',
    'Leave `request` out, or make a new plan for the new request.',
  ),
  PLAN_HASH_MISMATCH: entry(
    409,
    6,
    false,
    'The hash is not the hash of this plan',
    'Read the plan again and approve what it says now.',
  ),
  PLAN_DIVERGED: entry(
    409,
    6,
    false,
    'The change would do something that was not approved',
    'Nothing was sent beyond the recorded steps. Make a new plan from the lab as it is now.',
  ),
  TARGET_CHANGED: entry(
    409,
    6,
    false,
    'The target changed since the plan was made',
    'Make a new plan; the fields that changed are named.',
  ),
  TARGET_BUSY: entry(
    409,
    6,
    true,
    'Something else is working on the target',
    'Wait until it has ended (it is named), then try again.',
  ),
  IDEMPOTENCY_CONFLICT: entry(
    409,
    6,
    false,
    'The Idempotency-Key was used for another request',
    'Use a new key for a new request.',
  ),
  PREFLIGHT_FAILED: entry(
    422,
    1,
    false,
    'The rehearsal failed',
    'Nothing was changed. The step and the reason are under `failure`; correct the request or the lab.',
  ),
  RATE_LIMITED: entry(429, 1, true, 'Too many requests', 'Wait for the time in `Retry-After`.'),
  PVE_REJECTED: entry(502, 1, false, 'Proxmox VE refused the call', "Proxmox VE's own words are in the detail."),
  PVE_TASK_FAILED: entry(
    502,
    1,
    false,
    'A Proxmox VE task failed',
    "The task's last words are in the detail; its log is on the node under the UPID.",
  ),
  VERIFICATION_FAILED: entry(
    502,
    1,
    false,
    'The result is not what the plan promised',
    'Every step was carried out. The checks that failed are under `verification`; look at the guest.',
  ),
  PVE_UNREACHABLE: entry(
    503,
    7,
    true,
    'Proxmox VE cannot be reached',
    'Check the endpoint, the network and the certificate; the detail says what was seen.',
  ),
  ENVIRONMENT_FROZEN: entry(
    503,
    6,
    true,
    'The environment is frozen',
    'Thaw it when the reason for the freeze is gone.',
  ),
  NEEDS_ATTENTION: entry(
    409,
    8,
    false,
    'The operation needs a person',
    'What is known is on the operation; decide there whether to resume or to cancel.',
  ),
  OPERATION_NOT_FOUND: entry(404, 5, false, 'No such operation', 'List operations with `proxmox-agent op list`.'),
  OPERATION_STATE: entry(
    409,
    6,
    false,
    'The operation is in a state that does not allow this',
    'Look at the operation: its `state` says what can follow.',
  ),
  CONFIGURATION_INVALID: entry(
    500,
    2,
    false,
    'The configuration is not valid',
    'Correct the setting that is named; nothing was started.',
  ),
  DATA_DIRECTORY_BUSY: entry(
    503,
    6,
    false,
    'Another process uses the data directory',
    'Stop the other process, or choose another directory with --data.',
  ),
  STORE_FAILED: entry(
    503,
    1,
    true,
    'The store cannot write',
    'Free space on the disk of the data directory, or let the PostgreSQL server answer again. What was not recorded was not sent; operations resume by themselves.',
  ),
  STORE_INCOMPATIBLE: entry(
    500,
    2,
    false,
    'The database does not fit this version',
    'Run the version of proxmox-agent that wrote it, or restore a backup that this version made.',
  ),
  STORE_DAMAGED: entry(
    500,
    1,
    false,
    'The database is damaged',
    'Stop the server, keep the data directory as it is, and start again on the newest backup.',
  ),
  SERVER_UNREACHABLE: entry(
    503,
    7,
    true,
    'The proxmox-agent server does not answer',
    'Start it with `npm start`, or name it with --server or PROXMOX_AGENT_URL.',
  ),
  ANSWER_LOST: entry(
    410,
    1,
    false,
    'It was made, and what is shown only once was lost with the answer',
    'It cannot be shown again: take it back, and make another.',
  ),
  AUDIT_INVALID: entry(
    409,
    1,
    false,
    'The audit log does not verify',
    'The first bad record is named. Keep the file; compare with an earlier export or checkpoint.',
  ),
  INTERNAL: entry(
    500,
    1,
    false,
    'Something went wrong inside proxmox-agent',
    'Look for the correlation id in the log and report it.',
  ),
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof CATALOGUE;

/** What an error may carry besides its text. Everything here is shown to users, so it never holds a secret. */
export interface ErrorDetails {
  /** Field name (dotted path) to what is wrong with it. */
  readonly errors?: Readonly<Record<string, string>>;
  readonly plan_id?: string;
  readonly operation_id?: string;
  /** More members for the problem document, such as `pve` with PVE's own answer. */
  readonly more?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

export class AgentError extends Error {
  override readonly name = 'AgentError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.details = details;
  }
}

export const isAgentError = (error: unknown, code?: ErrorCode): error is AgentError =>
  error instanceof AgentError && (code === undefined || error.code === code);

/** Any thrown value as a catalogue error; what is not one of ours becomes INTERNAL without its text. */
export function toAgentError(error: unknown): AgentError {
  if (error instanceof AgentError) return error;
  return new AgentError('INTERNAL', 'An unexpected error occurred.', { cause: error });
}

/** RFC 9457 body. `correlation_id` ties it to the log, where the cause stands. */
export function toProblem(error: AgentError, correlation_id: string): Record<string, unknown> {
  const { status, title, advice, retryable } = CATALOGUE[error.code];
  const { errors, plan_id, operation_id, more } = error.details;
  return {
    type: `urn:proxmox-agent:error:${error.code}`,
    ...more,
    code: error.code,
    title,
    status,
    detail: error.message,
    advice,
    retryable,
    correlation_id,
    ...(plan_id === undefined ? {} : { plan_id }),
    ...(operation_id === undefined ? {} : { operation_id }),
    ...(errors === undefined ? {} : { errors }),
  };
}
