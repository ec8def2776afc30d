import { randomBelow, type Ids } from '../../kernel/ids.ts';
import { guestDigest, isTemplate, guestName, lockOf, assertRead, sha1 } from '../state/guests.ts';
import type { Guest, NodeState, State, StorageDefinition, TaskRecord } from '../state/types.ts';
import type { HaControl } from '../ha/types.ts';
import { TaskEngine, type TaskContext, type TaskFault, type TaskSpec, type Worker } from '../tasks/engine.ts';
import { fail, NotRead } from './errors.ts';
import { noteVolumes } from '../storage/usage.ts';
import { Timeline } from './timeline.ts';
import { taskRefusal } from './quorum.ts';
import { guestSize } from '../qemu/size.ts';

/** pvestatd tells the cluster about the guests this often (FACTS 41). */
const PUBLISH_MS = 10_000;
const LOCK_TIMEOUT_MS = 10_000;
/** Lines of the cluster's log that are kept at least. */
const KEEP_LOG = 500;
const DAEMON_PID = 1_100;

export interface TaskStart {
  readonly node: string;
  readonly type: string;
  readonly id: string | number;
  readonly user: string;
  readonly abandon?: () => void;
}

/** The cluster with everything that handlers do to it: state, virtual time, tasks, ids. */
export class World {
  readonly state: State;
  readonly ids: Ids;
  readonly timeline: Timeline;
  readonly tasks: TaskEngine;
  /** The HA manager; the simulator starts it. */
  ha: HaControl | undefined;
  /** Set while a call with a task fault runs; the next task takes it. */
  taskFault: TaskFault | undefined;
  /** Offline nodes that someone has waited for already. */
  readonly unreachable = new Set<string>();
  /** Results of commands run in guests, by guest and process, until they are asked for. */
  readonly execResults = new Map<string, Record<string, unknown>>();
  /** Signs tickets; another cluster's tickets do not hold here. */
  readonly ticketKey: Uint8Array;
  readonly #unpublished = new Set<number>();
  readonly #unpublishedStorages = new Set<StorageDefinition>();
  #publishing = false;

  constructor(state: State, ids: Ids, now: number) {
    this.state = state;
    // Callers name nodes, and `constructor` is none.
    Object.setPrototypeOf(state.nodes, null);
    noteVolumes(state);
    this.ids = ids;
    this.ticketKey = ids.bytes(32);
    this.timeline = new Timeline(now);
    this.tasks = new TaskEngine(this.timeline, state.tasks, (task) => this.#logEnd(task));
  }

  now(): number {
    return this.timeline.now();
  }

  /** A line of the cluster's log; `pri` is syslog's: 3 error, 4 warning, 6 information. */
  log(user: string, msg: string, { node = this.state.localNode, pri = 6 } = {}): void {
    const { clusterLog } = this.state;
    // Each node counts its own lines.
    const uid = (clusterLog.findLast((line) => line.node === node)?.uid ?? 0) + 1;
    clusterLog.push({ uid, node, user, tag: 'pvedaemon', pri, pid: DAEMON_PID, time: this.seconds(), msg });
    if (clusterLog.length > 2 * KEEP_LOG) clusterLog.splice(0, KEEP_LOG);
  }

  #logEnd({ upid, node, user, exitstatus = '' }: TaskRecord): void {
    const pri = exitstatus === 'OK' ? 6 : exitstatus.startsWith('WARNINGS') ? 4 : 3;
    this.log(user, `end task ${upid} ${exitstatus}`, { node, pri });
  }

  seconds(): number {
    return Math.floor(this.timeline.now() / 1000);
  }

  random(bound: number): number {
    return randomBelow(this.ids, bound);
  }

  /** Version 4, as PVE uses for smbios1 and vmgenid. */
  uuid(): string {
    const bytes = this.ids.bytes(16);
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
    const hex = Buffer.from(bytes).toString('hex');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  }

  mac(): string {
    const prefix = this.state.options.mac_prefix ?? 'BC:24:11';
    const missing = 6 - prefix.split(':').filter(Boolean).length;
    const rest = [...this.ids.bytes(missing)].map((byte) => byte.toString(16).toUpperCase().padStart(2, '0'));
    return [...prefix.split(':').filter(Boolean), ...rest].join(':').toUpperCase();
  }

  nodeState(name: string): NodeState {
    const node = this.state.nodes[name];
    if (node === undefined) throw fail(`no such cluster node '${name}'`);
    return node;
  }

  newPid(node: string): number {
    const state = this.nodeState(node);
    state.nextPid += 3 + this.random(9);
    return state.nextPid;
  }

  /** The guest, with its configuration, on this node; PVE's words when its file is not there (FACTS 3). */
  guestOn(node: string, vmid: number, type: 'qemu' | 'lxc' = 'qemu'): Guest {
    const guest = this.state.guests.get(vmid);
    if (guest === undefined || guest.node !== node || guest.type !== type) {
      const folder = type === 'qemu' ? 'qemu-server' : 'lxc';
      throw fail(`Configuration file 'nodes/${node}/${folder}/${vmid}.conf' does not exist`);
    }
    assertRead(guest);
    return guest;
  }

  checkLock(guest: Guest): void {
    const lock = lockOf(guest);
    if (lock !== undefined) throw fail(`${guest.type === 'qemu' ? 'VM' : 'CT'} is locked (${lock})`);
  }

  /** In a partial twin: all these calls must have been read, else `NotRead` names the missing ones. */
  needs(...paths: readonly string[]): void {
    if (!this.state.partial) return;
    const missing = paths.filter((path) => !this.state.reads.has(path));
    if (missing.length > 0) throw new NotRead(missing.map((path) => `GET ${path}`));
  }

  /** The digest of one of the cluster's files: as read while the text is the one that was read, else computed. */
  fileDigest(file: string, text: string): string {
    const read = this.state.digests[file];
    return read?.text === text ? read.digest : sha1(text);
  }

  /** What a guest shows of its node's processors: never more than there are. */
  visibleCores(guest: Guest, cores: number): number {
    const there = this.state.nodes[guest.node]?.maxcpu ?? 0;
    return there > 0 ? Math.min(cores, there) : cores;
  }

  digestOf(guest: Guest): string {
    return guestDigest(guest);
  }

  startTask(start: TaskStart, body: (task: TaskContext) => Worker): string {
    const fault = this.taskFault;
    this.taskFault = undefined;
    const node = this.nodeState(start.node);
    const spec: TaskSpec = {
      ...start,
      id: String(start.id),
      pid: this.newPid(start.node),
      pstart: Math.max(0, Math.floor((this.now() - node.since) / 10)),
    };
    const refusal = taskRefusal(this, start.node, start.type, spec.id);
    const upid = this.tasks.start(spec, refusal === undefined ? body : refused(spec, refusal), fault);
    this.log(start.user, `starting task ${upid}`, { node: start.node });
    return upid;
  }

  /**
   * Takes the guest's lock for a call that answers at once. Where a task holds it, virtual time moves on until it is
   * free; after 10 seconds the call fails (FACTS 25).
   */
  withLock<T>(vmid: number, run: () => T): T {
    const owner = {};
    const name = `lock-${vmid}`;
    const deadline = this.now() + LOCK_TIMEOUT_MS;
    while (!this.tasks.locks.tryAcquire(name, owner, false)) {
      const next = this.timeline.next();
      if (next === undefined || next > deadline) {
        this.timeline.advanceTo(deadline);
        throw fail(`can't lock file '/var/lock/qemu-server/lock-${vmid}.conf' - got timeout`);
      }
      this.timeline.advanceTo(next);
    }
    try {
      return run();
    } finally {
      this.tasks.locks.release(name, owner);
    }
  }

  /** Something that pvestatd reports has changed; the cluster hears of it within 10 seconds. */
  changed(guest: Guest): void {
    this.#unpublished.add(guest.vmid);
    this.#publishSoon();
  }

  /** A storage that is new on some node is seen there once pvestatd has been by (FACTS 41). */
  storageChanged(storage: StorageDefinition): void {
    storage.unpublished = true;
    this.#unpublishedStorages.add(storage);
    this.#publishSoon();
  }

  /** Virtual time moves on until the task has ended, at most this long. Answers whether it has. */
  waitForTask(upid: string, ms: number): boolean {
    const deadline = this.now() + ms;
    while (this.tasks.isRunning(upid)) {
      const next = this.timeline.next();
      if (next === undefined || next > deadline) {
        this.timeline.advanceTo(deadline);
        break;
      }
      this.timeline.advanceTo(next);
    }
    return !this.tasks.isRunning(upid);
  }

  #publishSoon(): void {
    if (this.#publishing) return;
    this.#publishing = true;
    this.timeline.after(PUBLISH_MS - (this.now() % PUBLISH_MS), () => this.publish());
  }

  /** What pvestatd does every 10 seconds. */
  publish({ storages = true } = {}): void {
    this.#publishing = false;
    for (const vmid of this.#unpublished) {
      const guest = this.state.guests.get(vmid);
      if (guest === undefined || guest.unread || this.state.nodes[guest.node]?.online === false) continue;
      const { cores, memory, disk } = guestSize(guest);
      guest.published = {
        name: guestName(guest),
        status: guest.running === undefined ? 'stopped' : 'running',
        template: isTemplate(guest) ? 1 : 0,
        maxcpu: this.visibleCores(guest, cores),
        maxmem: memory,
        maxdisk: disk,
        node: guest.node,
        ...(guest.running === undefined ? {} : { since: guest.running.since }),
      };
    }
    this.#unpublished.clear();
    if (!storages) return;
    for (const storage of this.#unpublishedStorages) delete storage.unpublished;
    this.#unpublishedStorages.clear();
  }
}

/** A task that ends with this before it has done anything. */
const refused = (spec: TaskSpec, error: Error) =>
  function* (): Worker {
    yield { wait: 100 };
    spec.abandon?.();
    throw error;
  };

/** A step that waits for the guest's lock inside a task. */
export const lockStep = (vmid: number, shared = false) =>
  ({
    lock: `lock-${vmid}`,
    path: `/var/lock/qemu-server/lock-${vmid}.conf`,
    shared,
    timeout: LOCK_TIMEOUT_MS,
  }) as const;
