import { holds, type Environment } from '../../estate/index.ts';
import { AgentError, isAgentError } from '../../kernel/errors.ts';
import { record, text } from '../../proxmox/index.ts';
import { requireRole, type Principal } from '../../identity/index.ts';
import type { ChangesDeps } from '../changes.ts';
import { allNeeds, type Need } from './needs.ts';

/** What the token of an environment can do, against what the actions of the catalogue need. */
export interface TokenHealth {
  readonly environment: string;
  /** Of Proxmox VE, such as `9.1.1`. */
  readonly version: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly needed: number;
  readonly missing: readonly (Need & {
    /** Paths below where it is held: some guests or storages only. */
    readonly held_on: readonly string[];
  })[];
  /** Privileges that nothing needs. */
  readonly beyond: readonly {
    readonly privilege: string;
    readonly paths: readonly string[];
    readonly dangerous: boolean;
  }[];
}

/** With one of these a token can give itself more, or leave the guests it is for. */
const DANGEROUS =
  /^(Permissions\.Modify|Realm\.|User\.Modify|Group\.Allocate|Sys\.(Modify|Console|PowerMgmt|Incoming|AccessNetwork)|Datastore\.Allocate$|SDN\.Allocate|Mapping\.Modify)/;

/** Asks the cluster itself. Errors: `NOT_FOUND`, `FORBIDDEN`, `PVE_UNREACHABLE`, `PVE_REJECTED`. */
export async function tokenHealth(deps: ChangesDeps, name: string, principal: Principal): Promise<TokenHealth> {
  requireRole(principal, 'viewer', name);
  const environment = deps.estate.get(name);
  const [version, rights] = await Promise.all([versionOf(environment), rightsOf(environment)]);
  const needs = allNeeds(majorOf(version));
  const missing = needs
    .filter((need) => !holds(rights, need))
    .map((need) => ({ ...need, held_on: below(rights, need) }));
  const beyond = beyondNeed(rights, needs);
  const status = missing.length > 0 ? 'fail' : beyond.length > 0 ? 'warn' : 'ok';
  return { environment: name, version, status, needed: needs.length, missing, beyond };
}

type Rights = Readonly<Record<string, unknown>>;

const versionOf = async ({ api }: Environment): Promise<string> =>
  text(record(await api.get('/version'))['version']) ?? '';
const majorOf = (version: string): number => Number(/^\d+/.exec(version)?.[0] ?? 9);

async function rightsOf({ api, name }: Environment): Promise<Rights> {
  try {
    return record(await api.get('/access/permissions'));
  } catch (error) {
    if (!isAgentError(error, 'PVE_REJECTED')) throw error;
    throw new AgentError('PVE_REJECTED', `${name} does not say what its token may do: ${error.message}`, {
      cause: error,
    });
  }
}

const below = (rights: Rights, { path, privilege }: Need): string[] =>
  Object.keys(rights)
    .filter((at) => at.startsWith(path === '/' ? '/' : `${path}/`) && record(rights[at])[privilege] !== undefined)
    .toSorted();

function beyondNeed(rights: Rights, needs: readonly Need[]): TokenHealth['beyond'] {
  const wanted = new Set(needs.map(({ privilege }) => privilege));
  const found = new Map<string, string[]>();
  for (const path of Object.keys(rights).toSorted())
    for (const privilege of Object.keys(record(rights[path])))
      if (!wanted.has(privilege)) found.set(privilege, [...(found.get(privilege) ?? []), path]);
  return [...found]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([privilege, paths]) => ({ privilege, paths: highest(paths), dangerous: DANGEROUS.test(privilege) }));
}

/** Proxmox VE lists every path that it knows; those below another that is listed say nothing more. */
const highest = (paths: readonly string[]): string[] =>
  paths.filter((path) => !paths.some((other) => other !== path && (other === '/' || path.startsWith(`${other}/`))));
