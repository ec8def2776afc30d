import type { Clock } from '../kernel/clock.ts';
import type { EnvironmentConfig, Strictness } from '../kernel/config.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import { createPveApi, createTransport, principalOf, sshExec, withHosts, type PveApi } from '../proxmox/index.ts';

/** One configured cluster with the only client that has its credentials. */
export interface Environment {
  readonly name: string;
  readonly production: boolean;
  /** `standard` when left out. */
  readonly strictness?: Strictness;
  readonly endpoints: readonly string[];
  /** The world of the built-in simulator, where that stands in for a cluster. */
  readonly simulator: string | undefined;
  readonly api: PveApi;
  close(): Promise<void>;
}

/**
 * The environments by name. Each client is made from its own configuration alone, so no call can carry the credentials
 * of another environment.
 */
export class Estate {
  readonly #environments: ReadonlyMap<string, Environment>;

  constructor(environments: readonly Environment[]) {
    this.#environments = new Map(environments.map((environment) => [environment.name, environment]));
  }

  list(): readonly Environment[] {
    return [...this.#environments.values()];
  }

  /** Errors: `NOT_FOUND` naming those that exist. */
  get(name: string): Environment {
    const found = this.#environments.get(name);
    if (found !== undefined) return found;
    const names = [...this.#environments.keys()].join(', ');
    throw new AgentError('NOT_FOUND', `There is no environment "${name}"; configured: ${names}.`, {
      errors: { environment: `must be one of ${names}` },
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.list().map((environment) => environment.close()));
  }
}

/** The client of one environment, made from its own configuration alone. Errors: `CONFIGURATION_INVALID`. */
export function connect(
  config: EnvironmentConfig,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): Environment {
  const { name, production, strictness, endpoints, auth, tls, simulator, ssh } = config;
  if (auth === undefined)
    throw new AgentError('CONFIGURATION_INVALID', `environment ${name}: token or login is missing.`);
  const transport = createTransport({ endpoints: [...endpoints], auth, tls, clock });
  const pve = createPveApi(transport, { principal: principalOf(auth), clock, log });
  return {
    name,
    production,
    ...(strictness === undefined ? {} : { strictness }),
    endpoints,
    simulator,
    api: ssh === undefined ? withHosts(pve) : withHosts(pve, ssh, sshExec(ssh)),
    close: () => transport.close(),
  };
}
