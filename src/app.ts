import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import {
  applyDue,
  bodyOf,
  changeFactsOf,
  ChangeWindows,
  checkTargets,
  createProbe,
  endFreezes,
  executable,
  expireOverdue,
  freezeOf,
  plannerDeps,
  PolicyBook,
  recordPolicy,
  reloadPolicy,
  remindOfReviews,
  RunbookLibrary,
  SCHEDULED_JOB,
  SecretStore,
  settleRuns,
  type ChangesDeps,
  type RunbookDeps,
} from './changes/index.ts';
import { approvalFactors, ownerCode, roleNow, stillKnown, type IdentityDeps } from './identity/index.ts';
import { connect, Estate } from './estate/index.ts';
import type { Clock } from './kernel/clock.ts';
import { readSecret, type Config, type EnvironmentConfig } from './kernel/config.ts';
import { DEFAULT_AUTH } from './kernel/config_auth.ts';
import { checkSecretsApart, resolveSecrets } from './kernel/config_secrets.ts';
import type { Ids } from './kernel/ids.ts';
import type { Logger } from './kernel/log.ts';
import { mapSecrets, PendingSecret } from './kernel/secret.ts';
import { outsideFetchers } from './kernel/secrets/sources.ts';
import { DEFAULT_LIMITS, Engine, StepForms, type EngineDeps } from './operations/index.ts';
import { createAudit, createEvents, createMetrics } from './record/index.ts';
import {
  getPlan,
  checkKeys,
  loadKeys,
  openPostgres,
  openQueue,
  openStore,
  type Actor,
  type Queue,
  type Store,
} from './store/index.ts';
import { startLab, type Lab } from './lab.ts';
import { createHttpServer } from './surfaces/http/server.ts';

export interface App {
  readonly server: FastifyInstance;
  readonly engine: Engine;
  readonly store: Store;
  readonly changes: ChangesDeps;
  readonly policy: PolicyBook;
  readonly identity: IdentityDeps;
  /** Operations that went on after the start. */
  readonly recovered: number;
  /** Reads the policy's files again; the rules in force stay when they are not whole. Errors: `POLICY_INVALID`. */
  reloadPolicy(): Promise<boolean>;
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

/** Who does what nobody asked for. */
const SYSTEM: Actor = { id: 'system', class: 'system' };

/** The composition root: the only place that constructs things and knows all rooms. */
export async function createApp({ config: named, clock, ids, log, crash }: AppOptions): Promise<App> {
  const config = await resolveSecrets(named, outsideFetchers(named.secrets ?? {}));
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

async function compose({ config: named, clock, ids, log, crash }: AppOptions, store: Store, labs: Lab[]): Promise<App> {
  const { keys, metrics, audit, events, secrets, config } = await foundations(named, store, { clock, ids });
  const estate = await openEstate(config, store.directory, labs, { clock, ids, log });
  const forms = new StepForms(keys.data);
  const policy = await openPolicy(config, { store, audit, clock });
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
    policy,
    factors: approvalFactors(identity),
    windows: new ChangeWindows({ windows: config.windows, blackouts: config.blackouts, zone: policy.zone }),
    services: config.services ?? [],
    changeFacts: (id) => changeFactsOf(store, id),
    stillKnown: (principal) => stillKnown(identity, principal),
    roleNow: (who, environment) => roleNow(identity, who, environment),
    remind: remindBy(() => queue),
    engine: () => engine,
  };
  const runbooks: RunbookDeps = { changes, library: RunbookLibrary.open(config.runbooks), probe: createProbe(estate) };
  const engine = makeEngine(changes, log, crash);
  const server = await createHttpServer({
    store,
    audit,
    events,
    metrics,
    estate,
    engine,
    changes,
    runbooks,
    secrets,
    policy,
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
  const queue = await openJobs(config, store, runbooks, log);
  const loops = { stop, ended: Promise.all([signing, keeping]) };
  return {
    server,
    engine,
    store,
    changes,
    policy,
    identity,
    recovered: await engine.recover(),
    reloadPolicy: () => reloadPolicy(policy, { store, audit, clock }, SYSTEM),
    ownerCode: () => ownerCode(identity),
    close: () => closeAll({ server, queue, engine, loops, estate, labs, store }),
  };
}

/** What everything else stands on: the record of what happens, and the configuration with its secrets. */
async function foundations(named: Config, store: Store, { clock, ids }: Pick<AppOptions, 'clock' | 'ids'>) {
  const keys = loadKeys(store.directory, ids);
  await checkKeys(store, keys, clock.now());
  const metrics = createMetrics({ process: true });
  const audit = createAudit({ store, keys, clock, onRecord: ({ event }) => metrics.audit.inc({ event }) });
  const events = createEvents({ store, clock });
  const opened = await openSecrets(named, { store, keys, audit, clock, ids });
  return { keys, metrics, audit, events, ...opened };
}

/** Requests first, then what they began, then what records it. */
async function closeAll(parts: {
  readonly server: FastifyInstance;
  readonly queue: Queue;
  readonly engine: Engine;
  readonly loops: { readonly stop: AbortController; readonly ended: Promise<unknown> };
  readonly estate: Estate;
  readonly labs: readonly Lab[];
  readonly store: Store;
}): Promise<void> {
  const { server, queue, engine, loops, estate, labs, store } = parts;
  await server.close();
  await queue.drain();
  await engine.close();
  loops.stop.abort();
  await loops.ended;
  await estate.close();
  await Promise.all(labs.map((lab) => lab.close()));
  await store.close();
}

/** Stored secrets, and the configuration with those that it names. Errors: `CONFIGURATION_INVALID`. */
async function openSecrets(
  config: Config,
  deps: Pick<ChangesDeps, 'store' | 'keys' | 'audit' | 'clock' | 'ids'>,
): Promise<{ readonly secrets: SecretStore; readonly config: Config }> {
  const used = new Set<string>();
  mapSecrets(config, (secret) => {
    if (secret instanceof PendingSecret) used.add(secret.reference.replace(/^stored:/, ''));
    return secret;
  });
  const secrets = await SecretStore.open({
    ...deps,
    used,
    configured: config.secrets?.storeKey,
    resolve: (reference) => readSecret(reference, process.env, 'the key of stored secrets'),
  });
  const settled = await resolveSecrets(config, { stored: (reference) => secrets.read(reference) });
  checkSecretsApart(settled);
  return { secrets, config: settled };
}

const remindBy =
  (queue: () => Queue): NonNullable<ChangesDeps['remind']> =>
  async (trx, plan_id, at) => {
    await queue().cancel(trx, SCHEDULED_JOB, plan_id);
    await queue().enqueue(trx, { name: SCHEDULED_JOB, key: plan_id, at });
  };

/** What is done from time to time, by one of the replicas. */
async function openJobs({ database }: Config, store: Store, runbooks: RunbookDeps, log: Logger): Promise<Queue> {
  const { changes } = runbooks;
  const { clock, ids } = changes;
  const url = database?.reveal();
  const queue = await openQueue({ store, clock, ids, log, ...(url === undefined ? {} : { url }) });
  const minutely: [string, () => Promise<void>][] = [
    // Before plans expire, so that one whose window ends says why it was not applied.
    [SCHEDULED_JOB, () => applyDue(changes)],
    ['plans.expire', () => expireOverdue(changes)],
    ['environments.thaw', () => endFreezes(changes)],
    ['runbooks.settle', () => settleRuns(runbooks)],
  ];
  for (const [name, work] of minutely) {
    await queue.schedule(name, '* * * * *');
    await queue.work(name, work);
  }
  await queue.schedule('changes.remind', '0 * * * *');
  await queue.work('changes.remind', () => remindOfReviews(changes));
  return queue;
}

/** The rules of the configuration; nothing starts with broken ones. */
async function openPolicy(
  { policy: path, timeZone, environments }: Config,
  deps: Parameters<typeof recordPolicy>[0],
): Promise<PolicyBook> {
  const book = await PolicyBook.open({ path, timeZone, environments: environments.map(({ name }) => name) });
  await recordPolicy(deps, book.current, SYSTEM);
  return book;
}

async function openEstate(
  config: Config,
  directory: string,
  labs: Lab[],
  { log, ...deps }: Pick<AppOptions, 'clock' | 'ids' | 'log'>,
): Promise<Estate> {
  const environments = await Promise.all(config.environments.map((one) => withLab(one, directory, labs, deps)));
  return new Estate(environments.map((one) => connect(one, { clock: deps.clock, log })));
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
    frozen: async (name) => (await freezeOf(store, name, changes.clock.now()))?.reason,
    ...(crash === undefined ? {} : { crash }),
  });
}
