import { AgentError } from '../../kernel/errors.ts';
import type { Principal } from '../principal.ts';

/** Checks a second factor. Errors: in plain words when it is wrong, used up, or there is none to check. */
export interface Factors {
  verify(input: {
    readonly principal: Principal;
    readonly plan_hash: string;
    /** A code, or what a passkey answered. */
    readonly factor: string | object;
  }): Promise<{
    readonly method: string;
    /** Milliseconds since the epoch. */
    readonly at: number;
  }>;
}

/** What is known of a change that windows are for. */
export interface ChangeScope {
  /** 1 to 3; 0 for what carries no service. */
  readonly tier?: number;
  readonly category?: string;
}

/** Change windows: whether a change may be applied at a time. Times are milliseconds since the epoch. */
export interface Windows {
  check(environment: string, at: number, scope?: ChangeScope): WindowState | Promise<WindowState>;
  /** Windows and blackouts that go on at some time between, by their begin; at most `most`. */
  between?(
    environment: string,
    interval: { readonly from: number; readonly to: number },
    most: number,
  ): readonly PlannedTime[];
}
export interface WindowState {
  readonly open: boolean;
  readonly why: string;
  /** When it opens next; null when it is open, or never will be. */
  readonly next: number | null;
  /** When it closes that is open. */
  readonly until?: number;
  /** The name of the one that is open. */
  readonly window?: string;
}

export interface PlannedTime {
  readonly kind: 'window' | 'blackout';
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly tiers?: readonly number[];
  readonly categories?: readonly string[];
  /** Of a window, the blackouts that hold at some time of it. */
  readonly blackouts?: readonly string[];
}

/** Where no second factors are kept. */
export const noFactors: Factors = {
  verify: () =>
    Promise.reject(
      new AgentError('SECOND_FACTOR_REQUIRED', 'No second factor is enrolled here, so none can be checked.', {
        errors: { factor: 'cannot be checked: none is enrolled' },
      }),
    ),
};

/** Where no windows are configured. */
export const alwaysOpen: Windows = {
  check: (environment) => ({ open: true, why: `no change window is configured for ${environment}`, next: null }),
};
