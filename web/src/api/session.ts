/** Who is signed in on this page: the API token and where the browser keeps it. */
export interface Session {
  readonly token: () => string | undefined;
  /** True when the token outlives the browser window. */
  readonly kept: () => boolean;
  readonly signIn: (token: string, keep: boolean) => void;
  /** `why` is shown on the sign-in page. */
  readonly signOut: (why?: string) => void;
  /** Why the last session ended, where that was not the user's wish. */
  readonly endedBecause: () => string | undefined;
  readonly subscribe: (listener: () => void) => () => void;
}

const KEY = 'proxmox-agent.token';

/** `brief` ends with the tab, `lasting` stays on the device. */
export function createSession(brief: Storage, lasting: Storage): Session {
  const listeners = new Set<() => void>();
  let because: string | undefined;
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  const forget = (): void => {
    brief.removeItem(KEY);
    lasting.removeItem(KEY);
  };
  return {
    token: () => brief.getItem(KEY) ?? lasting.getItem(KEY) ?? undefined,
    kept: () => lasting.getItem(KEY) !== null,
    signIn(token, keep) {
      forget();
      (keep ? lasting : brief).setItem(KEY, token);
      because = undefined;
      tell();
    },
    signOut(why) {
      forget();
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
