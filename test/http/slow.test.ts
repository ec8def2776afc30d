import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/kernel/clock.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { lab, Service } from './support.ts';

it('an environment that never answers does not keep the list of all waiting', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const { simulator: _, ...rest } = lab('slow');
  const auth = { token: { id: 'root@pam!t', secret: new Secret('x') } };
  const slow = { ...rest, endpoints: [`http://127.0.0.1:${port}`], auth };
  // Ten times as fast wherever time is waited for.
  const clock = {
    now: () => systemClock.now(),
    sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 10, signal),
  };
  const service = await Service.start({ environments: [lab('lab'), slow], clock });
  try {
    const answer = await service.ask('GET /v1/environments', { token: await service.token('viewer') });
    const detail = 'There was no answer within 4 seconds.';
    expect(answer.json['environments']).toMatchObject([
      { name: 'lab', status: 'ok' },
      { name: 'slow', status: 'unreachable', code: 'PVE_UNREACHABLE', detail },
    ]);
  } finally {
    await service.close();
    silent.close();
  }
});
