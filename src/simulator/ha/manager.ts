import { textOf } from '../core/text.ts';
import { dispatch } from '../core/dispatch.ts';
import { isQuorate } from '../core/quorum.ts';
import type { World } from '../core/world.ts';
import type { Guest } from '../state/types.ts';
import { goingAlong, keepingAway, nodeOf, wantedNodes } from './affinity.ts';
import { vmidOf } from './resources.ts';
import type { Command, HaControl, NodeHealth, Service } from './types.ts';

/** The manager looks around this often, ms. */
const ROUND_MS = 10_000;
const LOOK_MS = 1_000;
/** A node that is gone this long is fenced, and its services move after its watchdog has surely fired (FACTS 43). */
const FENCE_MS = 70_000;
const RECOVER_MS = 135_000;

const ROOT = { user: 'root@pam', name: 'root@pam', root: true, ha: true } as const;
const MOVING = new Set(['migrate', 'relocate']);
const OFF = new Set(['stopped', 'disabled']);

/** The cluster's and the nodes' resource managers in one: looks every 10 seconds for as long as there is work. */
export class HaManager implements HaControl {
  readonly #world: World;
  /** Tasks started for services, by sid. */
  readonly #tasks = new Map<string, string>();
  /** New requests: `settle` leaves them alone once, as the manager has not heard of them yet. */
  readonly #fresh = new Map<string, 'new' | 'waiting'>();
  #scheduled = false;
  #observed = false;

  constructor(world: World) {
    this.#world = world;
    this.#adopt();
    // What the manager was about to let go of when the cluster was read, it lets go of.
    const { ha, haResources } = world.state;
    if ([...ha.services.keys()].some((sid) => !haResources.has(sid))) this.wake();
  }

  /** Resources that came with the cluster have long been looked at. */
  #adopt(): void {
    const { ha, haResources, nodes } = this.#world.state;
    if (ha.master !== undefined || haResources.size === 0) return;
    for (const [sid, { state }] of haResources) {
      const guest = this.#guest(sid);
      if (guest === undefined || state === 'ignored') continue;
      ha.services.set(sid, { node: guest.node, state: OFF.has(String(state)) ? 'stopped' : 'started' });
      this.#activate(guest.node);
    }
    this.#elect();
    for (const node of Object.values(nodes)) this.#health(node.name, node.online ? 'online' : 'unknown');
  }

  wake(): void {
    const { state } = this.#world;
    for (const sid of state.haResources.keys()) if (!state.ha.services.has(sid)) this.#isNew(sid);
    for (const { kind, sid } of state.ha.commands) if (kind === 'stop') this.#isNew(sid);
    if (this.#scheduled || !isQuorate(state) || !this.pending()) return;
    this.#scheduled = true;
    const phase = (state.ha.beats.master ?? 0) * 1000;
    const wait = ROUND_MS - ((this.#world.now() - phase) % ROUND_MS);
    // Its look begins on the beat and takes a moment.
    this.#world.timeline.after(wait + LOOK_MS, () => this.#round());
  }

  observe(): void {
    this.#observed = true;
  }

  #isNew(sid: string): void {
    if (!this.#fresh.has(sid)) this.#fresh.set(sid, 'new');
  }

  /** Something is not yet as it was asked for. */
  pending(): boolean {
    const { ha, haResources } = this.#world.state;
    if (ha.commands.length > 0) return true;
    const sids = new Set([...haResources.keys(), ...ha.services.keys()]);
    return [...sids].some((sid) => this.#isOpen(sid));
  }

  #isOpen(sid: string): boolean {
    const { ha, haResources, nodes } = this.#world.state;
    const service = ha.services.get(sid);
    const wanted = this.#wanted(sid);
    if (wanted === undefined) return service !== undefined;
    const guest = this.#guest(sid);
    if (guest === undefined) return false;
    if (service === undefined) return haResources.has(sid);
    if (nodes[service.node]?.online === false) return true;
    if (service.state === 'error') return wanted === 'disabled';
    if (OFF.has(wanted)) return service.state !== 'stopped';
    return service.state !== 'started' || guest.running === undefined;
  }

  /** What is asked for; undefined when nothing is, or the resource is `ignored`. */
  #wanted(sid: string): string | undefined {
    const state = this.#world.state.haResources.get(sid);
    if (state === undefined || state.state === 'ignored') return undefined;
    return state.state === undefined || state.state === 'enabled' ? 'started' : textOf(state.state);
  }

  /** Undefined also for a guest of which a partial twin knows no more than its name. */
  #guest(sid: string): Guest | undefined {
    const guest = this.#world.state.guests.get(vmidOf(sid));
    return guest?.unread ? undefined : guest;
  }

  #round(): void {
    this.#scheduled = false;
    const { state } = this.#world;
    if (!isQuorate(state)) return;
    delete state.ha.restsSince;
    this.#elect();
    for (const node of Object.values(state.nodes))
      if (node.online && state.ha.nodes[node.name] !== 'online') this.#health(node.name, 'online');
    for (const command of state.ha.commands.splice(0)) this.#obey(command);
    for (const sid of new Set([...state.haResources.keys(), ...state.ha.services.keys()])) {
      this.#fresh.delete(sid);
      this.#step(sid);
    }
    this.wake();
  }

  /** The lowest node that is there becomes master where the master is gone. */
  #elect(): void {
    const { ha, nodes } = this.#world.state;
    if (ha.master !== undefined && nodes[ha.master]?.online === true) return;
    const next = Object.values(nodes).find(({ online }) => online);
    if (next === undefined) return;
    ha.master = next.name;
    ha.beats.master = this.#world.seconds();
  }

  #health(name: string, health: NodeHealth): void {
    const { ha, nodes } = this.#world.state;
    ha.nodes[name] = health;
    ha.beats[name] ??= this.#world.seconds();
    const node = nodes[name];
    if (node !== undefined) node.hastate = health;
  }

  #activate(node: string): void {
    const { activeLrm } = this.#world.state.ha;
    if (!activeLrm.includes(node)) activeLrm.push(node);
  }

  #obey({ kind, sid, node, timeout }: Command): void {
    const { ha, haResources, nodes } = this.#world.state;
    const service = ha.services.get(sid);
    const resource = haResources.get(sid);
    if (service === undefined || resource === undefined) return;
    if (kind === 'stop') {
      resource.state = 'stopped';
      service.state = 'request_stop';
      this.#stop(sid, service, timeout);
    } else if (nodes[node]?.online && node !== service.node) Object.assign(service, { state: kind, target: node });
  }

  #step(sid: string): void {
    const { ha, nodes } = this.#world.state;
    const wanted = this.#wanted(sid);
    if (wanted === undefined) return void ha.services.delete(sid);
    const guest = this.#guest(sid);
    if (guest === undefined) return;
    const service = ha.services.get(sid);
    if (service === undefined) {
      ha.services.set(sid, { node: guest.node, state: OFF.has(wanted) ? 'request_stop' : 'request_start' });
      this.#activate(guest.node);
    } else if (nodes[service.node]?.online === false) this.#bury(sid, service, guest);
    else if (!this.#isBusy(sid)) this.#advance(sid, service, guest, wanted);
  }

  #isBusy(sid: string): boolean {
    const upid = this.#tasks.get(sid);
    return upid !== undefined && this.#world.tasks.isRunning(upid);
  }

  #advance(sid: string, service: Service, guest: Guest, wanted: string): void {
    const running = guest.running !== undefined;
    const off = OFF.has(wanted);
    if (MOVING.has(service.state)) return this.#move(sid, service, guest, off);
    if (service.state === 'error') {
      if (wanted === 'disabled') service.state = 'stopped';
    } else if (off) {
      if (!running) service.state = 'stopped';
      else if (service.state !== 'request_stop' || !this.#isBusy(sid)) {
        service.state = 'request_stop';
        this.#stop(sid, service, undefined);
      }
    } else if (service.state === 'stopped') service.state = 'request_start';
    else {
      service.state = 'started';
      if (!running) this.#start(sid, service);
    }
  }

  /** A start that fails is tried again here, then elsewhere, then given up. */
  #start(sid: string, service: Service): void {
    const { max_restart: restarts = 1, max_relocate: relocates = 1 } = this.#world.state.haResources.get(sid) ?? {};
    const upid = this.#tasks.get(sid);
    const last = upid === undefined ? undefined : this.#world.tasks.find(upid);
    if (last?.type.endsWith('start') && last.exitstatus !== 'OK') service.failed = (service.failed ?? 0) + 1;
    if ((service.failed ?? 0) > Number(restarts)) {
      const target = this.#choose(sid, service.node);
      if (target === undefined || (service.relocated ?? 0) >= Number(relocates)) {
        service.state = 'error';
        return;
      }
      Object.assign(service, { state: 'relocate', target, failed: 0, relocated: (service.relocated ?? 0) + 1 });
      return;
    }
    this.#activate(service.node);
    this.#act(sid, service.node, 'status/start', {});
  }

  #stop(sid: string, { node }: Service, timeout: number | undefined): void {
    if (timeout === 0) this.#act(sid, node, 'status/stop', {});
    else this.#act(sid, node, 'status/shutdown', { forceStop: 1, ...(timeout === undefined ? {} : { timeout }) });
  }

  #move(sid: string, service: Service, guest: Guest, off: boolean): void {
    const { target = service.node, state } = service;
    if (guest.node !== target && !this.#tasks.has(`${sid} to ${target}`)) {
      if (state === 'relocate' && guest.running !== undefined) return this.#stop(sid, service, undefined);
      this.#act(sid, guest.node, 'migrate', { target, ...(guest.running === undefined ? {} : { online: 1 }) });
      this.#tasks.set(`${sid} to ${target}`, this.#tasks.get(sid) ?? '');
      this.#activate(target);
      return;
    }
    // The task has ended; where it failed the guest is where it was.
    this.#tasks.delete(`${sid} to ${target}`);
    service.node = guest.node;
    service.state = off ? 'request_stop' : 'started';
    delete service.target;
  }

  /** A service whose node is gone: the node is fenced, then the configuration moves and the guest starts elsewhere. */
  #bury(sid: string, service: Service, guest: Guest): void {
    const { now, state } = { now: this.#world.now(), state: this.#world.state };
    const gone = now - (state.nodes[service.node]?.deadSince ?? now);
    if (gone < FENCE_MS) return;
    if (service.state !== 'fence' && service.state !== 'recovery') {
      service.state = 'fence';
      this.#health(service.node, 'fence');
      return;
    }
    if (gone < RECOVER_MS) return;
    this.#health(service.node, 'unknown');
    const target = this.#choose(sid, service.node);
    service.state = 'recovery';
    if (target === undefined) return;
    guest.node = target;
    delete guest.running;
    delete guest.config.lock;
    this.#world.changed(guest);
    const off = OFF.has(this.#wanted(sid) ?? '');
    Object.assign(service, { node: target, state: off ? 'request_stop' : 'started' });
    if (!off) this.#start(sid, service);
  }

  /**
   * The node with the fewest services among those that rules allow: one where a resource is that belongs with this one,
   * then those of the highest priority first.
   */
  #choose(sid: string, not: string): string | undefined {
    const { nodes, ha } = this.#world.state;
    const { priority, strict } = wantedNodes(this.#world, sid) ?? {
      priority: new Map<string, number>(),
      strict: false,
    };
    const load = (name: string): number => [...ha.services.values()].filter(({ node }) => node === name).length;
    const rank = (name: string): number => priority.get(name) ?? -1;
    const together = new Set(goingAlong(this.#world, sid).map((one) => nodeOf(this.#world, one)));
    return Object.values(nodes)
      .filter(({ name, online }) => online && name !== not && (!strict || priority.has(name)))
      .map(({ name }) => name)
      .filter((name) => keepingAway(this.#world, sid, name).length === 0)
      .toSorted(
        (a, b) => Number(together.has(b)) - Number(together.has(a)) || rank(b) - rank(a) || load(a) - load(b),
      )[0];
  }

  #act(sid: string, node: string, what: string, params: Record<string, string | number>): void {
    const kind = sid.startsWith('ct:') ? 'lxc' : 'qemu';
    const path = `/nodes/${node}/${kind}/${vmidOf(sid)}/${what}`;
    const { body } = dispatch(this.#world, { method: 'POST', path, params, principal: ROOT.name }, ROOT);
    const upid = (body as { data?: unknown } | null)?.data;
    if (typeof upid === 'string') this.#tasks.set(sid, upid);
    else this.#tasks.delete(sid);
  }

  /**
   * For whoever waits until things have calmed down: true while that is worth it. What the manager has not heard of
   * yet is left alone once, and what a dead node brings about goes on only after somebody has looked.
   */
  wantsTime(): () => boolean {
    const { state } = this.#world;
    // Without managed guests, tasks that others have started go on by themselves.
    if (state.ha.services.size === 0 && !this.pending()) return () => false;
    const dead = [...state.ha.services.values()].some(({ node }) => state.nodes[node]?.online === false);
    const looked = this.#observed;
    this.#observed = false;
    const before = this.#signature();
    if (dead) return () => looked && this.#signature() === before;
    const held = [...this.#fresh].filter(([, age]) => age === 'new').map(([sid]) => sid);
    for (const sid of held) this.#fresh.set(sid, 'waiting');
    if (held.length > 0) return () => false;
    return () => this.pending() || this.#world.tasks.running.length > 0;
  }

  #signature(): string {
    const { services, nodes } = this.#world.state.ha;
    return JSON.stringify([...services.values()].map(({ node, state }) => [node, state, nodes[node]]));
  }
}
