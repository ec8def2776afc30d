export type { FactorVerifier as Factors } from '../../identity/index.ts';

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

/** Where no windows are configured. */
export const alwaysOpen: Windows = {
  check: (environment) => ({ open: true, why: `no change window is configured for ${environment}`, next: null }),
};
