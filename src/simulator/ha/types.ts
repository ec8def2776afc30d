/** States a service goes through, as PVE's manager names them. */
export type ServiceState =
  | 'request_start'
  | 'started'
  | 'request_stop'
  | 'stopped'
  | 'migrate'
  | 'relocate'
  | 'fence'
  | 'recovery'
  | 'error';

/** What the manager has noted about a resource. */
export interface Service {
  node: string;
  state: ServiceState;
  /** Where it goes, while it migrates or relocates. */
  target?: string;
  /** Starts that failed in a row on this node, and nodes tried since the last start that worked. */
  failed?: number;
  relocated?: number;
}

export interface Command {
  readonly kind: 'migrate' | 'relocate' | 'stop';
  readonly sid: string;
  readonly node: string;
  /** Seconds that a guest gets to shut down; 0 stops it hard. */
  readonly timeout: number;
}

export type NodeHealth = 'online' | 'unknown' | 'fence' | 'maintenance' | 'gone';

export interface HaState {
  /** The node whose manager decides; undefined before there was a resource. */
  master?: string;
  /** Since when, ms, the master has had nothing to do: it came back and found no services. */
  restsSince?: number;
  /** What the manager knows, by sid. It hears of a new resource with its next look. */
  services: Map<string, Service>;
  /** What the manager thinks of nodes. */
  nodes: Record<string, NodeHealth>;
  /** Requests that the manager has not seen yet. */
  commands: Command[];
  /** Rules by name. */
  rules: Map<string, Record<string, unknown>>;
  /** Nodes whose local resource manager holds its lock and its watchdog. */
  activeLrm: string[];
  /** When each of them was last heard of, s: nodes by name, and `master`. */
  beats: Record<string, number>;
}

export const emptyHa = (): HaState => ({
  services: new Map(),
  nodes: {},
  commands: [],
  rules: new Map(),
  activeLrm: [],
  beats: {},
});

/** What the rest of the simulator needs of the manager that runs in it. */
export interface HaControl {
  /** Something happened that the manager will look at. */
  wake(): void;
  /** Somebody has read its state. */
  observe(): void;
}
