import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/harness.ts';
import { Running } from '../support/processes.ts';

const TOKEN = 'bootstrap-token-for-the-lab-0123456789';
const directory = temporaryDirectory();
let server: Running;
let url = '';
afterEach(async () => {
  await server.stop('SIGKILL');
  directory.remove();
});

async function start(): Promise<void> {
  server = new Running('serve', ['--data', join(directory.path, 'data'), '--port', '0'], {
    PROXMOX_AGENT_BOOTSTRAP_TOKEN: TOKEN,
  });
  [, url = ''] = await server.printed(/listens on (http:\S+)/);
}

async function ask(path: string, body?: object): Promise<Record<string, unknown>> {
  const headers = {
    authorization: `Bearer ${TOKEN}`,
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const answer = await fetch(`${url}${path}`, {
    headers,
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
  return (await answer.json()) as Record<string, unknown>;
}

describe('the example lab', () => {
  it(
    'comes back with its running tasks when the server is killed in the middle of an apply',
    { timeout: 60_000 },
    async () => {
      await start();
      const plan = await ask('/v1/actions/plan', {
        environment: 'lab',
        action: 'vm.create_from_template',
        target: 'vm/9000',
        params: { name: 'web1', full: true, cores: 4 },
      });
      const { operation_id } = await ask('/v1/actions/apply', { plan_id: plan['plan_id'] });
      const operation = () => ask(`/v1/operations/${String(operation_id)}`);
      const effects = async () => (await operation())['effects'] as { state: string; upid?: string }[];
      while ((await effects())[0]?.state !== 'running') await once(spawn('true'), 'exit');
      const [clone] = await effects();
      await server.stop('SIGKILL');
      await start();
      while (!['applied', 'failed', 'needs_attention'].includes(String((await operation())['state'])))
        await once(spawn('true'), 'exit');
      const ended = await operation();
      expect(ended, JSON.stringify(ended['error'])).toMatchObject({ state: 'applied', attempt: 2 });
      expect((ended['effects'] as { upid?: string }[])[0]?.upid).toBe(clone?.upid);
    },
  );
});
