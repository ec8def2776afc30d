/** A world as it stands in its file; sizes in GiB, 0/1 as PVE writes switches. */
export interface WorldFile {
  readonly cluster?: string;
  readonly bridge: string;
  readonly vlans?: Readonly<Record<string, string>>;
  /** With `{vlan}`. */
  readonly gateway?: string;
  /** Bits of the networks, 24 unless said. */
  readonly prefix?: number;
  readonly generate?: WorldGenerator;
  readonly nodes: Readonly<Record<string, WorldNode>>;
  readonly storages: Readonly<Record<string, WorldStorage>>;
  /** By `type/id`. */
  readonly mappings?: Readonly<Record<string, { readonly description?: string; readonly map: readonly string[] }>>;
  /** `volume-id MiB`. */
  readonly iso?: readonly string[];
  /** Name to comment. */
  readonly pools?: Readonly<Record<string, string>>;
  readonly classes?: Readonly<Record<string, WorldGuest>>;
  readonly templates?: Readonly<Record<string, WorldGuest>>;
  readonly guests?: Readonly<Record<string, WorldGuest>>;
  readonly users?: Readonly<Record<string, { comment?: string; email?: string; groups?: string }>>;
  readonly groups?: Readonly<Record<string, string>>;
  readonly tokens?: Readonly<Record<string, { privsep?: number; comment?: string }>>;
  /** `path kind who role`. */
  readonly acl?: readonly string[];
  readonly 'backup-jobs'?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface WorldNode {
  readonly ip: string;
  readonly model: string;
  readonly cpu: string;
  /** Threads. */
  readonly cores: number;
  readonly memory: number;
  readonly disk: number;
  /** The network card under the bridge. */
  readonly port: string;
  /** `id vendor device class group name`, as the kernel has them. */
  readonly pci?: readonly string[];
}

/** Nodes and guests by number: `{n}` stands for the node's, `{g}` for the guest's on it. */
export interface WorldGenerator {
  readonly nodes: { readonly count: number; readonly name: string; readonly like: WorldNode };
  readonly guests: {
    readonly 'per-node': number;
    /** The lowest id. */
    readonly first: number;
    readonly name: string;
    /** Taken in turn. */
    readonly like: readonly WorldGuest[];
  };
}

export interface WorldStorage {
  readonly type: string;
  readonly total: number;
  readonly used: number;
  readonly [option: string]: string | number;
}

export interface WorldGuest {
  readonly node?: string;
  readonly class?: string;
  readonly name?: string;
  readonly storage?: string;
  readonly cores?: number;
  readonly memory?: number;
  readonly disk?: number;
  /** A second disk. */
  readonly data?: number;
  /** VLAN, 0 for none, and address; without an address DHCP. */
  readonly net?: readonly [vlan: number, address?: string];
  readonly pool?: string;
  readonly tags?: string;
  readonly description?: string;
  readonly stopped?: boolean;
  /** A linked clone of this template. */
  readonly linked?: number;
  readonly snapshots?: readonly string[];
  readonly agent?: string | number;
  readonly [option: string]: unknown;
}
