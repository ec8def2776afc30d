import type { Secret } from '../kernel/secret.ts';

/** What the other rooms know of PVE's API. Paths are PVE's own, below /api2/json, with values percent-encoded. */
export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'DELETE';
export type PveValue = string | number | boolean | Secret | readonly (string | number)[];
export type PveParams = Readonly<Record<string, PveValue | undefined>>;

export interface PveRequest {
  readonly method: HttpMethod;
  readonly path: string;
  /** Query for GET and DELETE, form body for POST and PUT (PVE refuses a body on DELETE, FACTS 12). */
  readonly params?: PveParams;
  readonly signal?: AbortSignal;
  /** Milliseconds for the whole call; the default depends on the method. */
  readonly timeout?: number;
}

/** An answer as it came, whatever its status. */
export interface RawResponse {
  readonly status: number;
  /** The status line's phrase; for a 401 PVE's only words (FACTS 1). */
  readonly reason: string;
  /** Parsed JSON, the text when it was not JSON, null when empty. */
  readonly body: unknown;
}

/**
 * Carries one request to something that speaks PVE's API: a cluster over TLS, or the twin in this process.
 * Throws only when there is no answer, as `PVE_UNREACHABLE` whose `details.more.sent` is `no` (it certainly never
 * left), or `maybe` (it may have been executed; only evidence can tell).
 */
export type Transport = (request: PveRequest) => Promise<RawResponse>;

/** PVE's answer: `data`, and what some endpoints put beside it (FACTS 10). */
export interface PveAnswer {
  readonly data: unknown;
  readonly total?: number;
  readonly changes?: string;
}

export interface TaskResult {
  readonly upid: string;
  /** `OK`, `WARNINGS: N`, or PVE's words for the failure. `unknown` when the node no longer knows the task. */
  readonly exitstatus: string;
  /** OK or only warnings. */
  readonly ok: boolean;
  /** The last lines of the task's log, at most 20. */
  readonly log: readonly string[];
}

export interface TaskProgress {
  /** Last line of the log so far. */
  readonly line: string;
  /** 0 to 1 where the log tells. */
  readonly fraction?: number;
}

export interface PveApi {
  /** The user of the UPIDs that this client's calls start, such as `root@pam` or `agent@pve!control`. */
  readonly principal: string;
  /**
   * Sends and returns the answer of a 2xx. Errors: `PVE_REJECTED` with `details.more.pve = {status, message, errors}`
   * in PVE's words (also for 401 and 403), `PVE_UNREACHABLE` (also for 595 and 596, with `sent`).
   * A GET is retried a few times; anything else is sent once.
   */
  call(request: PveRequest): Promise<PveAnswer>;
  /** `call` and its `data`. */
  get(path: string, params?: PveParams): Promise<unknown>;
  /** Waits for a task's end: polls fast at first, then slower; survives 595, 596 and dropped connections. */
  waitTask(
    upid: string,
    options?: { readonly signal?: AbortSignal; readonly onProgress?: (progress: TaskProgress) => void },
  ): Promise<TaskResult>;
}
