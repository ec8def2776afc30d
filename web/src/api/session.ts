/**
 * Who is signed in on this page: by an API token, which the browser keeps, or by a cookie that no script reads, of
 * which only the word is kept that shows that this page is ours.
 */
export interface Session {
  readonly token: () => string | undefined;
  /** To be sent with every change by cookie; undefined with a token. */
  readonly csrf: () => string | undefined;
  /** Tells one caller from another; undefined for nobody. */
  readonly caller: () => string | undefined;
  /** True when the token outlives the browser window. */
  readonly kept: () => boolean;
  readonly signIn: (token: string, keep: boolean) => void;
  /** A cookie was set; also when it was set anew by a step up. */
  readonly enter: (csrf: string) => void;
  /** `why` is shown on the sign-in page. */
  readonly signOut: (why?: string) => void;
  /** Why the last session ended, where that was not the user's wish. */
  readonly endedBecause: () => string | undefined;
  readonly subscribe: (listener: () => void) => () => void;
}

const KEY = 'proxmox-agent.token';
/** What begins the names of drafts; they end when their writer signs out, not when a session ends by itself. */
export const DRAFTS = 'proxmox-agent.draft.';

/** `brief` ends with the tab, `lasting` stays on the device. */
export function createSession(brief: Storage, lasting: Storage): Session {
  const listeners = new Set<() => void>();
  let because: string | undefined;
  let csrf: string | undefined;
  /** A step up changes the word, not the caller. */
  let entered = 0;
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  const forget = (): void => {
    brief.removeItem(KEY);
    lasting.removeItem(KEY);
  };
  const token = (): string | undefined => brief.getItem(KEY) ?? lasting.getItem(KEY) ?? undefined;
  return {
    token,
    csrf: () => (token() === undefined ? csrf : undefined),
    caller: () => token() ?? (csrf === undefined ? undefined : `session ${entered}`),
    kept: () => lasting.getItem(KEY) !== null,
    signIn(given, keep) {
      forget();
      (keep ? lasting : brief).setItem(KEY, given);
      because = undefined;
      tell();
    },
    enter(given) {
      forget();
      if (csrf === undefined) entered++;
      csrf = given;
      because = undefined;
      tell();
    },
    signOut(why) {
      forget();
      if (why === undefined) for (const key of Object.keys(brief)) if (key.startsWith(DRAFTS)) brief.removeItem(key);
      csrf = undefined;
      because = why;
      tell();
    },
    endedBecause: () => because,
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
