import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import {
  baseline,
  bodyOf,
  checkTargets,
  executable,
  expireOverdue,
  freezeOf,
  plannerDeps,
  type ChangesDeps,
} from './changes/index.ts';
import { approvalFactors, ownerCode, type IdentityDeps } from './identity/index.ts';
import { connect, Estate } from './estate/index.ts';
import type { Clock } from './kernel/clock.ts';
import type { Config, EnvironmentConfig } from './kernel/config.ts';
import { DEFAULT_AUTH } from './kernel/config_auth.ts';
import type { Ids } from './kernel/ids.ts';
import type { Logger } from './kernel/log.ts';
import { DEFAULT_LIMITS, Engine, StepForms, type EngineDeps } from './operations/index.ts';
import { createAudit, createEvents, createMetrics } from './record/index.ts';
import { getPlan, checkKeys, loadKeys, openPostgres, openStore, type Store } from './store/index.ts';
import { startLab, type Lab } from './lab.ts';
import { createHttpServer } from './surfaces/http/server.ts';

export interface App {
  readonly server: FastifyInstance;
  readonly engine: Engine;
  readonly store: Store;
  readonly changes: ChangesDeps;
  readonly identity: IdentityDeps;
  /** Operations that went on after the start. */
  readonly recovered: number;
  /** The code of a one-time link for the owner, where there is none yet. */
  ownerCode(): Promise<string | undefined>;
  close(): Promise<void>;
}

export interface AppOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
  /** Tests stop the process at these points. */
  readonly crash?: EngineDeps['crash'];
}

export const VERSION = (
  JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as { version: string }
).version;

/** The composition root: the only place that constructs things and knows all rooms. */
export async function createApp({ config, clock, ids, log, crash }: AppOptions): Promise<App> {
  const store = await openDatabase(config, clock, log);
  const labs: Lab[] = [];
  try {
    return await compose({ config, clock, ids, log, ...(crash === undefined ? {} : { crash }) }, store, labs);
  } catch (error) {
    await Promise.all(labs.map((lab) => lab.close()));
    await store.close();
    throw error;
  }
}

/** Embedded unless DATABASE_URL names a PostgreSQL, where several replicas share the work. */
async function openDatabase({ data: directory, database }: Config, clock: Clock, log: Logger): Promise<Store> {
  if (database === undefined) return openStore({ directory, clock, log });
  return openPostgres({ url: database.reveal(), directory, clock, log });
}

async function compose({ config, clock, ids, log, crash }: AppOptions, store: Store, labs: Lab[]): Promise<App> {
  const keys = loadKeys(store.directory, ids);
  await checkKeys(store, keys, clock.now());
  const metrics = createMetrics({ process: true });
  const audit = createAudit({ store, keys, clock, onRecord: ({ event }) => metrics.audit.inc({ event }) });
  const events = createEvents({ store, clock });
  const environments = await Promise.all(
    config.environments.map((one) => withLab(one, store.directory, labs, { clock, ids })),
  );
  const estate = new Estate(environments.map((one) => connect(one, { clock, log })));
  const forms = new StepForms(keys.data);
  const { publicUrl, trustedProxies, ...auth } = config.auth ?? DEFAULT_AUTH;
  const { bootstrapToken } = config;
  const identity: IdentityDeps = { store, keys, audit, clock, ids, bootstrapToken, ...auth };
  const changes: ChangesDeps = {
    store,
    keys,
    audit,
    events,
    metrics,
    estate,
    clock,
    ids,
    forms,
    policy: baseline,
    factors: approvalFactors(identity),
    engine: () => engine,
  };
  const engine = makeEngine(changes, log, crash);
  const server = await createHttpServer({
    store,
    audit,
    events,
    metrics,
    estate,
    engine,
    changes,
    identity,
    clock,
    ids,
    log,
    version: VERSION,
    publicUrl,
    trustedProxies,
  });
  const stop = new AbortController();
  const signing = audit.run(stop.signal);
  const keeping = engine.keep(stop.signal);
  const expiring = everyMinute(clock, stop.signal, () => expireOverdue(changes), log);
  const close = async (): Promise<void> => {
    // Requests first, then what they began, then what records it.
    await server.close();
    await engine.close();
    stop.abort();
    await Promise.all([signing, keeping, expiring]);
    await estate.close();
    await Promise.all(labs.map((lab) => lab.close()));
    await store.close();
  };
  return {
    server,
    engine,
    store,
    changes,
    identity,
    recovered: await engine.recover(),
    ownerCode: () => ownerCode(identity),
    close,
  };
}

async function everyMinute(clock: Clock, signal: AbortSignal, work: () => Promise<void>, log: Logger): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(60_000, signal).catch(() => undefined);
    if (!signal.aborted)
      await work().catch((error: unknown) => log.warn({ err: error }, 'overdue plans were not expired'));
  }
}

/** An environment that stands on the built-in simulator gets its address, its pin and its token from there. */
async function withLab(
  config: EnvironmentConfig,
  directory: string,
  labs: Lab[],
  deps: { readonly clock: Clock; readonly ids: Ids },
): Promise<EnvironmentConfig> {
  if (config.simulator === undefined) return config;
  const lab = await startLab(config.simulator, join(directory, `${config.name}.simulator.json`), deps);
  labs.push(lab);
  return { ...config, ...lab.connection };
}

function makeEngine(changes: ChangesDeps, log: Logger, crash: EngineDeps['crash']): Engine {
  const { store, estate } = changes;
  return new Engine({
    ...changes,
    log,
    limits: DEFAULT_LIMITS,
    connect: (name) => estate.get(name).api,
    loadPlan: (plan_id) => executable(changes, plan_id),
    checkTargets: async (plan) =>
      checkTargets(
        plan,
        bodyOf(await getPlan(store, plan.plan_id)),
        estate.get(plan.environment),
        plannerDeps(changes),
      ),
    frozen: async (name) => (await freezeOf(store, name))?.reason,
    ...(crash === undefined ? {} : { crash }),
  });
}
