export type { FactorVerifier as Factors } from '../../identity/index.ts';

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

/** Where no windows are configured. */
export const alwaysOpen: Windows = {
  check: (environment) => ({ open: true, why: `no change window is configured for ${environment}`, next: null }),
};
