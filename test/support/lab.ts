import type { Clock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/log.ts';
import { AgentError } from '../../src/kernel/errors.ts';
import { mapSecrets } from '../../src/kernel/secret.ts';
import { createPveApi, type PveApi, type Transport } from '../../src/proxmox/index.ts';
import type { Simulator } from '../../src/simulator/index.ts';

/** A clock that is the simulator's own: sleeping moves virtual time, to the next event at least. */
export function labClock(simulator: Simulator): Clock {
  return {
    now: () => Math.floor(simulator.now()),
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      const next = simulator.nextEvent();
      simulator.advance(next === undefined ? ms : Math.min(Math.max(ms, next - simulator.now()), Math.max(ms, 5_000)));
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
    },
  };
}

/** The live cluster of a test that is not about HTTP: the simulator in this process, with lost answers as on a wire. */
export function inProcessApi(simulator: Simulator, principal: string, clock: Clock): PveApi {
  const transport: Transport = async ({ method, path, params = {} }) => {
    const given = Object.entries(params).filter(([, value]) => value !== undefined);
    const plain = mapSecrets(Object.fromEntries(given), (secret) => secret.reveal()) as Record<string, string>;
    const { status, reason, body } = simulator.handle({ method, path, params: plain, principal });
    if (status === 0)
      throw new AgentError('PVE_UNREACHABLE', 'the connection was cut', {
        more: { sent: 'maybe', kind: 'cut', reason },
      });
    return { status, reason, body };
  };
  return createPveApi(transport, { principal, clock, log: silentLogger });
}
