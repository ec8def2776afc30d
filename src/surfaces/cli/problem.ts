import { AgentError, CATALOGUE, isAgentError, toAgentError, toProblem, type ErrorCode } from '../../kernel/errors.ts';
import { printable } from './printable.ts';
import { hanging } from './render/text.ts';

/** A problem document (RFC 9457) as the server sends it. */
export interface Problem {
  readonly code?: string;
  readonly title?: string;
  readonly status?: number;
  readonly detail?: string;
  readonly advice?: string;
  readonly correlation_id?: string;
  readonly plan_id?: string;
  readonly operation_id?: string;
  readonly errors?: Readonly<Record<string, unknown>>;
  readonly failure?: { readonly step?: number; readonly title?: string; readonly detail?: string };
}

/** The server said no. `text` is what it said, letter by letter, for `--json`. */
export class RemoteProblem extends Error {
  override readonly name = 'RemoteProblem';
  readonly status: number;
  readonly problem: Problem;
  readonly text: string;

  constructor(status: number, problem: Problem, text: string) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.status = status;
    this.problem = problem;
    this.text = text;
  }
}

/** Wrong use of the command line: exit code 2, nothing was sent. */
export const usage = (
  message: string,
  advice = 'Nothing was sent. `proxmox-agent COMMAND --help` shows how it is used.',
): AgentError => new AgentError('VALIDATION_FAILED', message, { more: { usage: advice } });

/** For codes that a newer server knows and we do not: by what the HTTP status means. */
const EXIT_BY_STATUS: Readonly<Record<number, number>> = { 400: 2, 401: 3, 403: 3, 404: 5, 409: 6, 503: 7 };

const known = (code: string | undefined): code is ErrorCode => code !== undefined && Object.hasOwn(CATALOGUE, code);

export function exitCode(error: unknown): number {
  if (!(error instanceof RemoteProblem)) return CATALOGUE[toAgentError(error).code].exit;
  const { code } = error.problem;
  return known(code) ? CATALOGUE[code].exit : (EXIT_BY_STATUS[error.status] ?? 1);
}

/** Whether asking again later can help: the server is away, starting or overloaded. */
export function isPassing(error: unknown): boolean {
  if (error instanceof RemoteProblem) return known(error.problem.code) && CATALOGUE[error.problem.code].retryable;
  return isAgentError(error, 'SERVER_UNREACHABLE');
}

/** The problem document of any error, as text for `--json`. */
export function problemText(error: unknown): string {
  if (error instanceof RemoteProblem) return error.text;
  const own = toAgentError(error);
  const { usage: advice, ...more } = own.details.more ?? {};
  const clean = new AgentError(own.code, own.message, { ...own.details, more });
  return JSON.stringify({ ...toProblem(clean, 'cli'), ...(advice === undefined ? {} : { advice }) });
}

/** `error CODE: detail`, the fields, the advice: for people. */
export function problemLines(error: unknown, width: number): string[] {
  const problem = printable(JSON.parse(problemText(error)) as Problem);
  const {
    code = 'UNKNOWN',
    detail,
    title,
    errors = {},
    failure,
    advice,
    plan_id,
    operation_id,
    correlation_id,
  } = problem;
  const fields = Object.entries(errors).flatMap(([field, what]) => hanging(`  ${field}: `, String(what), width));
  const place = plan_id === undefined ? [] : [`  plan: ${plan_id}`];
  if (operation_id !== undefined) place.push(`  operation: ${operation_id}`);
  const failed =
    failure?.title === undefined || detail?.includes(failure.title)
      ? []
      : hanging('  failed: ', `${failure.title}: ${failure.detail ?? ''}`, width);
  const log = code === 'INTERNAL' && correlation_id !== undefined ? [`  correlation id: ${correlation_id}`] : [];
  const words = known(code) ? (advice ?? CATALOGUE[code].advice) : advice;
  return [
    ...hanging(`error ${code}: `, detail ?? title ?? '', width, 2),
    ...fields,
    ...failed,
    ...place,
    ...log,
    ...(words === undefined ? [] : hanging('  ', words, width)),
  ];
}
