export type Interface = Record<string, unknown>;

/** A version of /etc/network/interfaces: interfaces by name. */
export interface NetworkState {
  interfaces: Record<string, Interface>;
  /** When it was written, ms. */
  time: number;
}
