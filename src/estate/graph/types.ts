/** What a lab is made of and what needs what, as far as it is known. */
export type ObjectKind =
  | 'guest'
  | 'service'
  | 'node'
  | 'storage'
  | 'bridge'
  | 'vlan'
  | 'ha'
  | 'ha-rule'
  | 'replication'
  | 'backup-job'
  | 'firewall-group'
  | 'pool';

export interface GraphObject {
  /** As targets and differences name it: `vm/101`, `service/dns`, `node/pve1`, `ha/vm:101`, `bridge/pve1/vmbr0`. */
  readonly id: string;
  readonly kind: ObjectKind;
  readonly name: string;
  /** Of guests and services; 1 is critical. */
  readonly tier?: number;
  /** Of guests and bridges: where. */
  readonly node?: string;
  readonly status?: string;
  /** What is special about it, in words: `carries the management address of pve1`. */
  readonly marks?: readonly string[];
}

/** `from` cannot do without `to`, or is changed with it. */
export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  /** In words, after "because". */
  readonly why: string;
}

export interface Graph {
  readonly objects: ReadonlyMap<string, GraphObject>;
  readonly edges: readonly GraphEdge[];
  /** What could not be read, so that the graph may lack something: path and reason. */
  readonly unread: readonly string[];
}
