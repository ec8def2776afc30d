import type { FirewallFile } from '../firewall/types.ts';
import type { HaState } from '../ha/types.ts';
import type { NetworkState } from '../network/types.ts';

/** The simulated cluster as data. Everything here is plain, so that it can be kept in a file. Times in ms, sizes in bytes. */

/** As the API shows it: numbers for integers and booleans, text otherwise (FACTS 15). */
export type ConfigValue = string | number;
export type Config = Record<string, ConfigValue>;

export interface Snapshot {
  config: Config;
  snaptime: number;
  parent?: string;
  description?: string;
  /** The volume that holds the memory. */
  vmstate?: string;
  /** Known by name only; its configuration was not read. */
  unread?: true;
}

export interface Running {
  since: number;
  pid: number;
  qmpstatus: 'running' | 'paused' | 'prelaunch' | 'suspended';
  /** File systems are held still for a backup. */
  frozen?: true;
  /** When the agent began, or begins, to answer; undefined when the guest has none. */
  agentAt?: number;
  /** Reacts to the power button, because something is installed in it. */
  responds: boolean;
  machine: string;
}

export interface Guest {
  readonly vmid: number;
  node: string;
  readonly type: 'qemu' | 'lxc';
  config: Config;
  pending: Config;
  /** Keys that go at the next stop; force also destroys the volume. */
  deleting: Record<string, { force: boolean }>;
  /** Values that the cloud-init image still has, where the configuration has moved on; null: it had none. */
  cloudinit: Record<string, ConfigValue | null>;
  snapshots: Record<string, Snapshot>;
  running?: Running;
  /** Hashes as read from the cluster, valid while the text is still the one that was read. */
  read?: { text: string; digest: string };
  /** What pvestatd last told the cluster (FACTS 41); undefined before the first time. */
  published?: Published;
  /** Known from the resource list only (twin of a live lab). */
  unread?: true;
  /** Files that the agent was told to write: base64 by path. */
  files?: Record<string, string>;
}

export interface Published {
  name?: string;
  status: string;
  template: number;
  maxcpu: number;
  maxmem: number;
  maxdisk: number;
  since?: number;
  node: string;
}

export interface Volume {
  readonly storage: string;
  /** Undefined on shared storages. */
  readonly node?: string;
  /** What follows the colon of the volume id. */
  name: string;
  size: number;
  used: number;
  format: string;
  content: string;
  vmid?: number;
  /** Seconds. */
  ctime: number;
  /** The template volume that a linked clone needs. */
  base?: string;
  /** Of a backup: what is in it; undefined where nobody has looked. */
  archive?: Archive;
  /** Columns of the content list that not every volume has: notes, protected, verification. */
  extra?: Record<string, unknown>;
}

/** What a backup keeps of its guest. */
export interface Archive {
  readonly config: Config;
  /** Saved disks by key. */
  readonly disks: Record<string, { storage: string; format: string; size: number; used: number }>;
}

/** One entry of storage.cfg: options as the API takes them. */
export interface StorageDefinition {
  readonly storage: string;
  readonly type: string;
  options: Record<string, ConfigValue>;
  /** Just defined or enabled: what pvestatd tells the cluster does not have it yet. */
  unpublished?: true;
}

export interface Space {
  total: number;
  used: number;
  avail: number;
  active: number;
  /** Bytes of the volumes that were there when this was so; what came and went since is added. */
  volumes?: number;
}

export interface NodeState {
  readonly name: string;
  readonly id: number;
  ip: string;
  online: boolean;
  /** Boot time. */
  since: number;
  maxcpu: number;
  maxmem: number;
  maxdisk: number;
  /** Interfaces by name; undefined where they were not read. */
  network?: Record<string, Record<string, unknown>>;
  /** What was changed and not applied; undefined when nothing was. */
  staged?: NetworkState;
  /** PVE has written the interfaces file before, with its header. */
  networkWritten?: true;
  /** When it lost power, ms; undefined while it runs. */
  deadSince?: number;
  dns?: Record<string, string>;
  /** /etc/hosts as text. */
  hosts?: string;
  timezone?: string;
  /** What `/nodes/{node}/config` holds. */
  options?: Record<string, unknown>;
  /** Services that are not running, by name. */
  stoppedServices?: string[];
  subscriptionKey?: string;
  /** Standard package repositories that are written down, by handle: whether each is switched on. */
  repositories?: Readonly<Record<string, boolean>>;
  /** Free space by storage name, as read or given. */
  space: Record<string, Space>;
  /** /nodes/{node}/status as read. */
  status?: Record<string, unknown>;
  fingerprint?: string;
  /** What the HA manager says of the node; undefined while there is none. */
  hastate?: string;
  /** Devices in its slots; none where nobody has described them. */
  pci: PciDevice[];
  nextPid: number;
}

export interface Pool {
  poolid: string;
  comment?: string;
  vms: number[];
  storages: string[];
}

export interface User {
  userid: string;
  enable: number;
  expire: number;
  comment?: string;
  email?: string;
  firstname?: string;
  lastname?: string;
  keys?: string;
  /** Only what the simulator was told or set itself; nothing is read from a cluster. */
  password?: string;
  /** Of a capture, which holds no passwords: the first one that comes is taken as the user's. */
  passwordUnknown?: true;
}

/** A second factor. */
export interface TfaEntry {
  readonly id: string;
  readonly type: 'totp' | 'recovery';
  description: string;
  enable: boolean;
  /** Seconds. */
  readonly created: number;
  /** Base32, for `totp`. */
  readonly secret?: string;
  /** For `recovery`: those that were not used yet. */
  codes?: string[];
}

/** A resource mapping: `map` is one property string for each device and node. */
export interface Mapping {
  readonly type: 'pci' | 'usb' | 'dir';
  options: Record<string, ConfigValue>;
  map: string[];
}

/** A line of the cluster's log. */
export interface LogLine {
  readonly uid: number;
  readonly node: string;
  readonly user: string;
  readonly tag: string;
  /** Syslog priority: 3 error, 4 warning, 6 information. */
  readonly pri: number;
  readonly pid: number;
  /** Seconds. */
  readonly time: number;
  readonly msg: string;
}

/** A device that a guest can be given. */
export interface PciDevice {
  /** `0000:01:00.0`. */
  readonly id: string;
  /** `0x10de`. */
  readonly vendor: string;
  readonly device: string;
  readonly class: string;
  readonly iommugroup: number;
  readonly device_name?: string;
  readonly vendor_name?: string;
}

export interface Token {
  readonly userid: string;
  readonly tokenid: string;
  privsep: number;
  expire: number;
  comment?: string;
  secret?: string;
}

export interface AclEntry {
  path: string;
  type: 'user' | 'group' | 'token';
  ugid: string;
  roleid: string;
  propagate: number;
}

export interface Role {
  roleid: string;
  privs: string[];
  special: number;
}

export interface Group {
  groupid: string;
  comment?: string;
  users: string[];
}

export interface TaskRecord {
  readonly upid: string;
  readonly node: string;
  readonly type: string;
  readonly id: string;
  readonly user: string;
  readonly pid: number;
  readonly pstart: number;
  readonly starttime: number;
  endtime?: number;
  exitstatus?: string;
  warnings: number;
  log: string[];
}

export interface State {
  clusterName: string;
  localNode: string;
  version: Record<string, unknown>;
  nodes: Record<string, NodeState>;
  guests: Map<number, Guest>;
  storages: Map<string, StorageDefinition>;
  volumes: Map<string, Volume>;
  pools: Map<string, Pool>;
  users: Map<string, User>;
  tokens: Map<string, Token>;
  groups: Map<string, Group>;
  roles: Map<string, Role>;
  acl: AclEntry[];
  /** domains.cfg: options by realm, among them `type`. */
  realms: Map<string, Record<string, unknown>>;
  /** By user. */
  tfa: Map<string, TfaEntry[]>;
  /** By `type/id`. */
  mappings: Map<string, Mapping>;
  /** Oldest first. */
  clusterLog: LogLine[];
  /** datacenter.cfg, values as written. */
  options: Record<string, string>;
  backupJobs: Map<string, Record<string, unknown>>;
  haResources: Map<string, Record<string, unknown>>;
  /** What the HA manager knows. */
  ha: HaState;
  /** By file: `cluster`, `node/pve1`, `guest/100`, `vnet/lab`. */
  firewall: Map<string, FirewallFile>;
  /** Replication jobs by id (`100-0`). */
  replication: Map<string, Record<string, unknown>>;
  /** SDN objects by `zone/name`, `vnet/name` and so on: as they were applied, and as they stand. */
  sdn: { applied: Map<string, Record<string, unknown>>; staged: Map<string, Record<string, unknown>> };
  /** Sections of files that have nothing more to them, by `file/id`. */
  sections: Map<string, Record<string, unknown>>;
  tasks: TaskRecord[];
  /** Answers of GET calls that the simulator keeps as they were read, by "/path". */
  documents: Record<string, unknown>;
  /** Digests of files as read, valid while their text has not changed. */
  digests: Record<string, { text: string; digest: string }>;
  /** A twin of which only a part was read. */
  partial: boolean;
  /** What was read of the cluster, by "/path"; only in a partial twin. */
  reads: Set<string>;
}
