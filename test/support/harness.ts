import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  alwaysOpen,
  apply,
  approve,
  baseline,
  bodyOf,
  checkTargets,
  executable,
  freezeOf,
  plannerDeps,
  submit,
  type ChangesDeps,
} from '../../src/changes/index.ts';
import { approvalFactors, type IdentityDeps, type Principal } from '../../src/identity/index.ts';
import { DEFAULT_AUTH } from '../../src/kernel/config_auth.ts';
import { Estate, type Environment } from '../../src/estate/index.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { seededIds, type Ids } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/log.ts';
import { DEFAULT_LIMITS, Engine, operationView, StepForms, type EngineDeps } from '../../src/operations/index.ts';
import type { PveApi } from '../../src/proxmox/index.ts';
import { createAudit, createEvents } from '../../src/record/index.ts';
import { getPlan, loadKeys, openStore, type Store } from '../../src/store/index.ts';

export const person: Principal = {
  id: 'p1',
  name: 'ana',
  class: 'human',
  role: 'admin',
  environments: null,
  via: 'cli',
  method: 'token',
};
export const agent: Principal = {
  id: 'a1',
  name: 'bot',
  class: 'agent',
  role: 'admin',
  environments: null,
  via: 'http',
  method: 'token',
};

export interface HarnessOptions {
  readonly api: PveApi;
  readonly clock: Clock;
  readonly directory: string;
  readonly production?: boolean;
  readonly crash?: EngineDeps['crash'];
  readonly seed?: string;
  /** Another database than the directory's own. */
  readonly store?: Store;
}

/** The control plane of one process life, on a real SQLite file; `close` ends the life, the directory outlives it. */
export class Harness {
  readonly store: Store;
  readonly changes: ChangesDeps;
  readonly engine: Engine;
  readonly ids: Ids;
  readonly identity: IdentityDeps;

  constructor({ api, clock, directory, production = false, crash, seed = 'harness', store: given }: HarnessOptions) {
    this.store = given ?? openStore({ directory, clock, log: silentLogger });
    this.ids = seededIds(`${seed}:${clock.now()}`, clock);
    const { store, ids } = this;
    const keys = loadKeys(directory, ids);
    const audit = createAudit({ store, keys, clock });
    const events = createEvents({ store, clock });
    const { sessions } = DEFAULT_AUTH;
    this.identity = { store, keys, audit, clock, ids, bootstrapToken: undefined, sessions, oidc: [] };
    const environment: Environment = {
      name: 'home',
      production,
      endpoints: [],
      simulator: undefined,
      api,
      close: () => Promise.resolve(),
    };
    const estate = new Estate([environment]);
    this.changes = {
      store,
      keys,
      audit,
      events,
      estate,
      clock,
      ids,
      forms: new StepForms(keys.data),
      policy: baseline,
      factors: approvalFactors(this.identity),
      windows: alwaysOpen,
      engine: () => this.engine,
    };
    this.engine = new Engine({
      ...this.changes,
      log: silentLogger,
      limits: DEFAULT_LIMITS,
      connect: () => api,
      frozen: async (name) => (await freezeOf(store, name, clock.now()))?.reason,
      loadPlan: (plan_id) => executable(this.changes, plan_id),
      checkTargets: async (plan) =>
        checkTargets(plan, bodyOf(await getPlan(store, plan.plan_id)), environment, plannerDeps(this.changes)),
      ...(crash === undefined ? {} : { crash }),
    });
  }

  plan(body: object, principal: Principal = person): Promise<Record<string, unknown>> {
    return submit(this.changes, 'actions' in body ? body : { environment: 'home', ...body }, principal);
  }

  /** Approves where needed and begins the apply; answers the operation's id. */
  async begin(plan: Record<string, unknown>): Promise<string> {
    const plan_id = String(plan['plan_id']);
    if (plan['state'] === 'awaiting_approval')
      await approve(this.changes, plan_id, { plan_hash: String(plan['plan_hash']) }, person);
    return (await apply(this.changes, { plan_id }, person)).operation_id;
  }

  /** Plans, approves, applies and waits for the end. */
  async run(body: object): Promise<Record<string, unknown>> {
    return this.end(await this.begin(await this.plan(body)));
  }

  async end(operation_id: string): Promise<Record<string, unknown>> {
    await this.engine.idle(operation_id);
    return this.view(operation_id);
  }

  async view(operation_id: string): Promise<Record<string, unknown>> {
    const { plan_id } = (await operationView(this.store, operation_id, [], undefined)) as { plan_id: string };
    return operationView(
      this.store,
      operation_id,
      bodyOf(await getPlan(this.store, plan_id)).trace,
      this.engine.live.get(operation_id),
    );
  }

  async close(): Promise<void> {
    await this.engine.close();
    await this.store.close();
  }
}

export function temporaryDirectory(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'proxmox-agent-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
