import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { readSsh, sshSchema, type SshConfig } from './config_ssh.ts';
import { authSchema, readAuth, type AuthConfig } from './config_auth.ts';
import { AgentError } from './errors.ts';
import { checkTokenIds, checkVerifying, isLoopback } from './config_secrets.ts';
import { checkServices, checkTimeZone, servicesSchema, type ServiceConfig } from './config_services.ts';
import { fit } from './fit.ts';
import type { SecretSources } from './secrets/sources.ts';
import {
  blackoutsSchema,
  checkWindows,
  placedIn,
  windowsSchema,
  type BlackoutConfig,
  type WindowConfig,
} from './config_windows.ts';
import { PendingSecret, Secret } from './secret.ts';
import { YamlSource } from './yaml_source.ts';

/** How much the built-in rules ask for; `docs/guide.md` says of each what it means. */
export const STRICTNESS = ['relaxed', 'standard', 'strict'] as const;
export type Strictness = (typeof STRICTNESS)[number];

/** One Proxmox VE cluster or node under its name. */
export interface EnvironmentConfig {
  readonly name: string;
  /** Tried in order; empty for the built-in simulator. */
  readonly endpoints: readonly string[];
  readonly auth:
    | { readonly token: { readonly id: string; readonly secret: Secret } }
    | { readonly ticket: { readonly username: string; readonly password: Secret } }
    | undefined;
  readonly tls: { readonly ca?: string; readonly fingerprint?: string; readonly insecure?: boolean };
  readonly production: boolean;
  /** How commands are run on the hosts; undefined when that is not configured. */
  readonly ssh?: SshConfig;
  /** `standard` when left out. */
  readonly strictness?: Strictness;
  /** World of the built-in simulator that stands in for a cluster. */
  readonly simulator?: string;
}

export interface Config {
  readonly environments: readonly EnvironmentConfig[];
  readonly host: string;
  readonly port: number;
  /** Data directory, absolute. */
  readonly data: string;
  readonly logLevel: string;
  /** PostgreSQL instead of the embedded SQLite, for several machines. */
  readonly database: Secret | undefined;
  /** Accepted as an owner's token while set; 32 characters or more. */
  readonly bootstrapToken: Secret | undefined;
  /** File or folder with the policy's rules, absolute; the built-in rules alone when left out. */
  readonly policy?: string;
  /** Folder with runbooks of one's own, absolute. */
  readonly runbooks?: string;
  /** IANA name; rules read the hour and the weekday there. The machine's own when left out. */
  readonly timeZone?: string;
  /** Where secrets come from that are named by `vault:`, `age:` and `stored:`. */
  readonly secrets?: SecretSources;
  /** When plans may be applied that a rule ties to a change window; Saturday 02:00 to 06:00 when left out. */
  readonly windows?: readonly WindowConfig[];
  /** When such plans are not applied, whatever window is open. */
  readonly blackouts?: readonly BlackoutConfig[];
  /** What runs on the guests, and what it needs. */
  readonly services?: readonly ServiceConfig[];
  /** How people sign in; `DEFAULT_AUTH` when absent. */
  readonly auth?: AuthConfig;
}

export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** From the command line; they win. */
  readonly flags: {
    readonly config?: string | undefined;
    readonly data?: string | undefined;
    readonly host?: string | undefined;
    readonly port?: string | undefined;
  };
}

const nameSchema = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be lower-case letters, digits and hyphens');
const fingerprintSchema = z
  .string()
  .regex(/^([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$/, 'must be 32 pairs of hex digits with colons');
const levelSchema = z.enum(['debug', 'info', 'warn', 'error', 'silent'], 'must be debug, info, warn, error or silent');
const environmentSchema = z.strictObject({
  name: nameSchema,
  endpoint: z.union([z.string(), z.array(z.string()).min(1)]),
  token: z
    .strictObject({
      id: z.string().regex(/^[^\s@!=]+@[\w.-]+![\w.-]+$/, 'must be user@realm!tokenid'),
      secret: z.string(),
    })
    .optional(),
  login: z
    .strictObject({ username: z.string().regex(/^[^\s@]+@[\w.-]+$/, 'must be user@realm'), password: z.string() })
    .optional(),
  tls: z
    .strictObject({
      fingerprint: fingerprintSchema.optional(),
      ca: z.string().optional(),
      insecure: z.boolean().optional(),
    })
    .default({}),
  production: z.boolean().default(false),
  ssh: sshSchema.optional(),
  strictness: z.enum(STRICTNESS, `must be ${STRICTNESS.join(', ')}`).optional(),
});
const fileSchema = z.strictObject({
  environments: z.array(environmentSchema).default([]),
  host: z.string().optional(),
  port: z.int().min(0).max(65535).optional(),
  data: z.string().optional(),
  log_level: levelSchema.optional(),
  policy: z.string().min(1).optional(),
  runbooks: z.string().min(1).optional(),
  time_zone: z.string().min(1).optional(),
  services: servicesSchema.default([]),
  auth: authSchema.optional(),
  secrets: z
    .strictObject({
      vault: z.strictObject({ address: z.string(), token: z.string(), ca: z.string().optional() }).optional(),
      age_identity: z.string().optional(),
    })
    .default({}),
  windows: windowsSchema.optional(),
  blackouts: blackoutsSchema.default([]),
});

/**
 * Command line over environment variables over `proxmox-agent.yaml`. With no environment configured: the example lab
 * `lab` in the built-in simulator. Errors: `CONFIGURATION_INVALID` naming the setting.
 */
export function loadConfig({ env, cwd, flags }: ConfigSources): Config {
  const named = flags.config ?? env['PROXMOX_AGENT_CONFIG'];
  const path = resolve(cwd, named ?? 'proxmox-agent.yaml');
  if (named !== undefined && !existsSync(path)) throw invalid(`The configuration file ${named} does not exist.`);
  const { file, source } = existsSync(path) ? readFile(path) : { file: fileSchema.parse({}), source: undefined };
  const base = dirname(path);
  const configured = [...file.environments.map((raw) => environment(raw, env, base)), ...fromVariables(env, base)];
  checkTokenIds(configured);
  const environments = configured.length > 0 ? configured : [exampleLab];
  const names = environments.map(({ name }) => name);
  const misfit = checkServices(file.services, names) ?? checkTimeZone(file.time_zone);
  if (misfit !== undefined) throw invalid(`${path}: ${misfit}`);
  const place = placedIn(path, source);
  const stray = checkWindows({ windows: file.windows ?? [], blackouts: file.blackouts }, names, place);
  if (stray !== undefined) throw invalid(stray);
  const bootstrap = secretVariable(env, 'PROXMOX_AGENT_BOOTSTRAP_TOKEN', base);
  if (bootstrap !== undefined && bootstrap.reveal().length < 32)
    throw invalid('PROXMOX_AGENT_BOOTSTRAP_TOKEN must have 32 characters or more.');
  const data = flags.data ?? env['PROXMOX_AGENT_DATA'] ?? file.data;
  const auth = readAuth(file.auth, (text, where) => reference(text, env, base, where));
  checkVerifying(env['NODE_TLS_REJECT_UNAUTHORIZED'], { environments, auth });
  return {
    environments,
    host: flags.host ?? env['PROXMOX_AGENT_HOST'] ?? file.host ?? '127.0.0.1',
    port: port(flags.port ?? env['PROXMOX_AGENT_PORT']) ?? file.port ?? 8470,
    data: resolve(cwd, data ?? 'data'),
    logLevel: variable(env, 'PROXMOX_AGENT_LOG', levelSchema) ?? file.log_level ?? 'warn',
    database: secretVariable(env, 'DATABASE_URL', base),
    bootstrapToken: bootstrap,
    ...(file.policy === undefined ? {} : { policy: resolve(base, file.policy) }),
    ...(file.runbooks === undefined ? {} : { runbooks: resolve(base, file.runbooks) }),
    ...(file.time_zone === undefined ? {} : { timeZone: file.time_zone }),
    services: file.services,
    auth,
    secrets: secretSources(file.secrets, env, base),
    ...(file.windows === undefined ? {} : { windows: place.entries('windows', file.windows) }),
    blackouts: place.entries('blackouts', file.blackouts),
  };
}

const exampleLab: EnvironmentConfig = {
  name: 'lab',
  endpoints: [],
  auth: undefined,
  tls: {},
  production: false,
  simulator: 'enterprise',
};

const invalid = (message: string, errors?: Record<string, string>): AgentError =>
  new AgentError('CONFIGURATION_INVALID', message, errors === undefined ? {} : { errors });

function readFile(path: string): { readonly file: z.output<typeof fileSchema>; readonly source: YamlSource } {
  const source = new YamlSource(readFileSync(path, 'utf8'));
  const at = (offset: number): string => {
    const { line, column } = source.place(offset);
    return `${path}:${line}:${column}`;
  };
  const [broken] = source.errors;
  if (broken !== undefined) throw invalid(`${at(broken.offset)}: ${broken.what}`);
  const parsed = fit(fileSchema, source.value() ?? {});
  if (parsed.success) return { file: parsed.data, source };
  const problems = parsed.misfits.map(({ path: where, what, unknown }) => ({
    field: where.join('.') || 'file',
    what,
    offset: unknown ? source.keyOffset(where.slice(0, -1), String(where.at(-1))) : source.offset(where),
  }));
  throw invalid(
    problems.map(({ field, what, offset }) => `${at(offset)}: ${field}: ${what}`).join('; '),
    Object.fromEntries(problems.map(({ field, what }) => [field, what])),
  );
}

function environment(
  raw: z.output<typeof environmentSchema>,
  env: ConfigSources['env'],
  base: string,
): EnvironmentConfig {
  const where = `environment ${raw.name}`;
  const auth =
    raw.token !== undefined
      ? { token: { id: raw.token.id, secret: reference(raw.token.secret, env, base, `${where}: token.secret`) } }
      : raw.login !== undefined
        ? {
            ticket: {
              username: raw.login.username,
              password: reference(raw.login.password, env, base, `${where}: login.password`),
            },
          }
        : undefined;
  if (auth === undefined) throw invalid(`${where}: token or login is missing.`);
  const { ca, fingerprint, insecure } = raw.tls;
  return checkOne({
    name: raw.name,
    endpoints: [raw.endpoint].flat(),
    auth,
    production: raw.production,
    ...(raw.strictness === undefined ? {} : { strictness: raw.strictness }),
    tls: {
      ...(fingerprint === undefined ? {} : { fingerprint }),
      ...(insecure === undefined ? {} : { insecure }),
      ...(ca === undefined ? {} : { ca: readText(isAbsolute(ca) ? ca : join(base, ca), `${where}: tls.ca`) }),
    },
    ...(raw.ssh === undefined
      ? {}
      : { ssh: readSsh(raw.ssh, (text) => reference(text, env, base, `${where}: ssh.key`)) }),
  });
}

/** The variables that other Proxmox tools use, as environment `home`. */
function fromVariables(env: ConfigSources['env'], base: string): EnvironmentConfig[] {
  const endpoint = env['PROXMOX_VE_ENDPOINT'];
  if (endpoint === undefined || endpoint === '') return [];
  const token = secretVariable(env, 'PROXMOX_VE_API_TOKEN', base);
  if (token === undefined)
    throw invalid('PROXMOX_VE_ENDPOINT is set and PROXMOX_VE_API_TOKEN (or PROXMOX_VE_API_TOKEN_FILE) is missing.');
  const match = /^([^\s@!=]+@[\w.-]+![\w.-]+)=(\S+)$/.exec(token.reveal());
  if (match === null) throw invalid('PROXMOX_VE_API_TOKEN must be user@realm!tokenid=secret.');
  const [, id = '', secret = ''] = match;
  const fingerprint = variable(env, 'PROXMOX_VE_FINGERPRINT', fingerprintSchema);
  const insecure = /^(1|true|yes)$/i.test(env['PROXMOX_VE_INSECURE'] ?? '');
  const name = variable(env, 'PROXMOX_VE_ENVIRONMENT', nameSchema) ?? 'home';
  return [
    checkOne({
      name,
      // Other tools accept the address of the API itself; ours is the server's.
      endpoints: [URL.canParse(endpoint) ? new URL(endpoint).origin : endpoint],
      auth: { token: { id, secret: new Secret(secret) } },
      production: false,
      tls: { ...(fingerprint === undefined ? {} : { fingerprint }), ...(insecure ? { insecure } : {}) },
    }),
  ];
}

/** A secret named by reference on a command line, where a literal would stand in the process list. */
export const readSecret = (text: string, env: ConfigSources['env'], where: string): Secret =>
  plainReference(text, env, process.cwd(), where);

/** A reference; a literal is refused, so that no secret stands in a file that is shared. */
function reference(text: string, env: ConfigSources['env'], base: string, where: string): Secret {
  const [, kind, name = ''] = /^(env|file|vault|age|stored):(.+)$/.exec(text) ?? [];
  switch (kind) {
    case 'file':
      return new Secret(readText(isAbsolute(name) ? name : join(base, name), where));
    case 'env': {
      const value = env[name];
      if (value === undefined || value === '') throw invalid(`${where}: the environment variable ${name} is not set.`);
      return new Secret(value);
    }
    case 'age':
      return new PendingSecret(`age:${isAbsolute(name) ? name : join(base, name)}`, where);
    case 'vault':
    case 'stored':
      return new PendingSecret(text, where);
    default:
      throw invalid(
        `${where} must be a reference such as env:NAME or file:PATH, not the secret itself. Others are vault:MOUNT/PATH#FIELD, age:FILE and stored:NAME.`,
      );
  }
}

/** What opens other secrets cannot be one of them. */
function plainReference(text: string, env: ConfigSources['env'], base: string, where: string): Secret {
  if (/^(env|file):/.test(text)) return reference(text, env, base, where);
  throw invalid(`${where} must be env:NAME or file:PATH.`);
}

/** How `vault:` and `age:` are opened: the file's words, else the variables that their own programs use. */
function secretSources(
  file: z.output<typeof fileSchema>['secrets'],
  env: ConfigSources['env'],
  base: string,
): SecretSources {
  const { vault, age_identity } = file;
  const address = vault?.address ?? env['VAULT_ADDR'];
  const token =
    vault === undefined
      ? secretVariable(env, 'VAULT_TOKEN', base)
      : plainReference(vault.token, env, base, 'secrets.vault.token');
  const authority = vault?.ca ?? (vault === undefined ? (env['VAULT_CACERT'] ?? '') : '');
  const ca =
    authority === ''
      ? undefined
      : readText(resolve(base, authority), vault === undefined ? 'VAULT_CACERT' : 'secrets.vault.ca');
  const identity =
    age_identity === undefined
      ? secretVariable(env, 'PROXMOX_AGENT_AGE_IDENTITY', base)
      : plainReference(age_identity, env, base, 'secrets.age_identity');
  const key = secretVariable(env, 'PROXMOX_AGENT_SECRET_KEY', base);
  if (key !== undefined && key.reveal().length < 32)
    throw invalid('PROXMOX_AGENT_SECRET_KEY must have 32 characters or more.');
  const usable = address !== undefined && address !== '' && token !== undefined;
  return {
    ...(usable ? { vault: { address, token, ...(ca === undefined ? {} : { ca }) } } : {}),
    ...(identity === undefined ? {} : { ageIdentity: identity }),
    ...(key === undefined ? {} : { storeKey: key }),
  };
}

/** A variable that is held to what the file is held to; an empty one counts as not set. */
function variable<T extends string>(env: ConfigSources['env'], name: string, schema: z.ZodType<T>): T | undefined {
  const value = env[name];
  if (value === undefined || value === '') return undefined;
  const parsed = fit(schema, value);
  if (!parsed.success) throw invalid(`${name} ${parsed.misfits[0]?.what ?? 'is not valid'}.`);
  return parsed.data;
}

function secretVariable(env: ConfigSources['env'], name: string, base: string): Secret | undefined {
  const file = env[`${name}_FILE`];
  if (file !== undefined && file !== '') return new Secret(readText(resolve(base, file), `${name}_FILE`));
  const value = env[name];
  return value === undefined || value === '' ? undefined : new Secret(value);
}

function readText(path: string, where: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    throw invalid(`${where}: ${path} cannot be read.`);
  }
}

function checkOne(environment: EnvironmentConfig): EnvironmentConfig {
  for (const endpoint of environment.endpoints) {
    const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol))
      throw invalid(`environment ${environment.name}: ${endpoint} is not an https:// address.`);
    const loopback = isLoopback(url.hostname);
    if (url.protocol === 'http:' && (!loopback || environment.production))
      throw invalid(
        `environment ${environment.name}: http:// is accepted only for loopback, and never for production.`,
      );
  }
  if (environment.production && environment.strictness === 'relaxed')
    throw invalid(`environment ${environment.name}: strictness relaxed is not for a production environment.`);
  if (environment.production && environment.tls.insecure)
    throw invalid(
      `environment ${environment.name}: tls.insecure is refused for a production environment; pin its fingerprint or name its CA.`,
    );
  return environment;
}

function port(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0 || number > 65535 || text.trim() === '')
    throw invalid(`"${text}" is not a port.`);
  return number;
}
