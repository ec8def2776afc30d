export type Interface = Record<string, unknown>;

export type Interfaces = Record<string, Interface>;

/** A version of /etc/network/interfaces that was written and not applied. */
export interface NetworkState {
  interfaces: Interfaces;
  /** The file as it was written; what is read back of it can have become something else. */
  text: string;
  /** When it was written, ms. */
  time: number;
}
