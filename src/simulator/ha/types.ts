/** States a service goes through, as PVE names them. */
export type ServiceState =
  | 'queued'
  | 'request_start'
  | 'starting'
  | 'started'
  | 'request_stop'
  | 'stopped'
  | 'migrate'
  | 'relocate'
  | 'fence'
  | 'recovery'
  | 'freeze'
  | 'error'
  | 'ignored'
  | 'deleting';

/** What the manager has noted about a resource. */
export interface Service {
  node: string;
  state: ServiceState;
  /** Where it goes, while it migrates. */
  target?: string;
}

export interface HaState {
  /** The node whose CRM decides; undefined before there was a resource. */
  master?: string;
  /** What the manager knows, by sid. It hears of a new resource with its next look. */
  services: Map<string, Service>;
  /** What the manager thinks of nodes. */
  nodes: Record<string, 'online' | 'unknown' | 'fence' | 'maintenance' | 'gone'>;
  /** Rules by name. */
  rules: Map<string, Record<string, unknown>>;
  /** Nodes whose LRM holds its lock. */
  activeLrm: string[];
  armed: boolean;
}

export const emptyHa = (): HaState => ({
  services: new Map(),
  nodes: {},
  rules: new Map(),
  activeLrm: [],
  armed: false,
});
