import type { ActionContext, Read, Target } from '../define.ts';
import { isAgentError } from '../../kernel/errors.ts';
import { guestPath, type Config } from './guest.ts';

export interface Address {
  readonly interface: string;
  readonly address: string;
  readonly prefix: number;
}

interface Interface {
  readonly name?: unknown;
  readonly 'ip-addresses'?: readonly { readonly 'ip-address': unknown; readonly prefix: unknown }[];
}

/** `agent: 1`, `agent: enabled=1,…`: PVE's two ways of saying that the guest agent is expected. */
export const agentEnabled = (config: Config): boolean =>
  /^(1|enabled=1)(,|$)|,enabled=1(,|$)/.test(String(config['agent'] ?? ''));

/**
 * Waits for the guest agent and for an address other than loopback and link-local. `timeout` in seconds.
 * PVE answers 500 "QEMU guest agent is not running" until the guest has booted.
 */
export function waitForAddresses(ctx: ActionContext, target: Target, timeout: number): Promise<readonly Address[]> {
  return ctx.waitUntil(
    `the guest agent of ${target.text} to report an address`,
    async (read) => {
      const addresses = await readAddresses(read, target);
      return addresses !== undefined && addresses.length > 0 ? addresses : undefined;
    },
    { every: 3, timeout },
  );
}

async function readAddresses(read: Read, target: Target): Promise<readonly Address[] | undefined> {
  try {
    const answer = (await read(`${guestPath(target)}/agent/network-get-interfaces`)) as {
      result?: readonly Interface[];
    };
    return (answer.result ?? []).flatMap((nic) =>
      (nic['ip-addresses'] ?? [])
        .map((ip) => ({ interface: String(nic.name), address: String(ip['ip-address']), prefix: Number(ip.prefix) }))
        .filter(({ address }) => !/^(127\.|::1$|fe80:|169\.254\.)/i.test(address)),
    );
  } catch (error) {
    if (isAgentError(error, 'PVE_REJECTED')) return undefined;
    throw error;
  }
}
