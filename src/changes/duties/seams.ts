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

/** Change windows: whether a change may be applied at a time. */
export interface Windows {
  check(environment: string, at: number): WindowState | Promise<WindowState>;
}
export interface WindowState {
  readonly open: boolean;
  readonly why: string;
  /** When it opens next, in milliseconds since the epoch; null when it is open, or never will be. */
  readonly next: number | null;
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
