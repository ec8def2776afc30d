import type { Clock } from '../kernel/clock.ts';
import { AgentError, isAgentError } from '../kernel/errors.ts';
import { seededIds } from '../kernel/ids.ts';
import { silentLogger } from '../kernel/log.ts';
import { mapSecrets, type Secret } from '../kernel/secret.ts';
import { createPveApi, isHostPath, type PveApi, type Transport } from '../proxmox/index.ts';
import { NotRead, Simulator } from '../simulator/index.ts';

/** What has been read of a live environment, in the form that the simulator is seeded from: `GET /path` to data. */
export type Capture = Record<string, unknown>;

export interface LiveTwin {
  readonly api: PveApi;
  readonly clock: Clock;
  objects(): ReadonlyMap<string, Readonly<Record<string, unknown>>>;
}

/** A simulated cluster that stands as the live one did when `capture` was read. */
export function buildTwin(capture: Capture, options: { readonly principal: string; readonly now: number }): LiveTwin {
  // The same seed every time: rehearsing the same change on the same lab gives the same plan, random addresses and all.
  const ids = seededIds('twin', { now: () => options.now, sleep: () => Promise.resolve() });
  const simulator = Simulator.fromCapture(capture, { ids, now: options.now, partial: true });
  const clock = virtualClock(simulator);
  const api = createPveApi(withTwinHosts(capture, twinTransport(simulator, options.principal)), {
    principal: options.principal,
    clock,
    log: silentLogger,
  });
  return { api, clock, objects: () => simulator.objects() };
}

/** Sleeping moves virtual time, at least to the next thing that happens: waiting for a long task costs one poll. */
function virtualClock(simulator: Simulator): Clock {
  return {
    now: () => Math.floor(simulator.now()),
    sleep: (ms) => {
      const next = simulator.nextEvent();
      simulator.advance(next === undefined ? ms : Math.max(ms, next - simulator.now()));
      return Promise.resolve();
    },
  };
}

const twinTransport =
  (simulator: Simulator, principal: string): Transport =>
  (request) => {
    const params: Record<string, string | string[] | number | boolean> = {};
    for (const [name, value] of Object.entries(request.params ?? {}))
      if (value !== undefined) params[name] = plain(value);
    const { status, reason, body, missing } = simulator.handle({
      method: request.method,
      path: request.path,
      params,
      principal,
    });
    if (missing !== undefined) return Promise.reject(new NotRead(missing));
    return Promise.resolve({ status, reason, body });
  };

/**
 * How a host is reached is known from the capture; what a command does on it is not rehearsed, and every command ends
 * well. The action says so in its preflight.
 */
const withTwinHosts =
  (capture: Capture, transport: Transport): Transport =>
  (request) => {
    if (!isHostPath(request.path)) return transport(request);
    const key = `GET ${request.path}`;
    if (request.method === 'GET' && !(key in capture)) return Promise.reject(new NotRead([key]));
    const data = request.method === 'GET' ? capture[key] : { exit: 0, output: '' };
    return Promise.resolve({ status: 200, reason: 'OK', body: { data } });
  };

/** The twin is in this process, so a secret may go there as it is. */
function plain(value: unknown): string | string[] | number | boolean {
  const revealed = mapSecrets(value, (secret: Secret) => secret.reveal());
  return Array.isArray(revealed) ? revealed.map(String) : (revealed as string | number | boolean);
}

/** Reads what is missing, side by side. What PVE refuses is kept as `__error`, so that it is asked for only once. */
export async function readInto(capture: Capture, keys: readonly string[], api: PveApi): Promise<void> {
  const again = keys.find((key) => key in capture);
  if (again !== undefined) {
    const { __error: refused } = (capture[again] ?? {}) as { __error?: string };
    throw new AgentError(
      'PREFLIGHT_FAILED',
      `The change cannot be rehearsed without ${again}${refused === undefined ? '' : `, which Proxmox VE refused: ${refused}`}.`,
    );
  }
  await Promise.all(
    keys.map(async (key) => {
      const path = key.slice(key.indexOf(' ') + 1);
      const [plainPath = '', query] = path.split('?');
      try {
        capture[key] = await api.get(plainPath, Object.fromEntries(new URLSearchParams(query ?? '')));
      } catch (error) {
        if (!isAgentError(error, 'PVE_REJECTED')) throw error;
        capture[key] = { __error: error.message };
      }
    }),
  );
}

/** What the twin of a guest is seeded from. */
export const guestKeys = ({ node, vmid }: { readonly node: string; readonly vmid: number }): string[] =>
  ['config', 'status/current', 'pending', 'snapshot'].map((what) => `GET /nodes/${node}/qemu/${vmid}/${what}`);
