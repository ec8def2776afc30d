import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { createProbe } from '../../src/changes/index.ts';
import { Case } from '../contract/cases.ts';

it('see ports, status codes and guests, and say what they saw', async () => {
  const server = createServer((_, response) => response.writeHead(503).end('a s3cret answer'));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const one = new Case();
  const life = one.life();
  const probe = createProbe(life.changes.estate);
  const tcp = { kind: 'probe', probe: 'tcp', host: '127.0.0.1', port, timeout: 5 } as const;
  const http = {
    kind: 'probe',
    probe: 'http',
    url: `http://127.0.0.1:${port}/`,
    status: 503,
    verify: true,
    timeout: 5,
  } as const;
  const guest = { kind: 'probe', probe: 'guest', environment: 'home', target: 'vm/301', status: 'stopped' } as const;
  expect(await probe(tcp)).toEqual({ passed: true, evidence: `127.0.0.1:${port} accepts connections` });
  expect(await probe(http)).toMatchObject({
    passed: true,
    evidence: expect.stringContaining('answered 503') as string,
  });
  expect(await probe({ ...http, status: 200 })).toMatchObject({
    passed: false,
    evidence: expect.stringContaining('not 200') as string,
  });
  expect(await probe(guest)).toMatchObject({ passed: true });
  expect(await probe({ ...guest, status: 'running' })).toMatchObject({ passed: false });
  expect(await probe({ ...guest, target: 'vm/999' })).toMatchObject({ passed: false });
  await new Promise((resolve) => server.close(resolve));
  expect(await probe(tcp)).toMatchObject({
    passed: false,
    evidence: expect.stringContaining('ECONNREFUSED') as string,
  });
  expect(await probe(http)).toMatchObject({ passed: false });
  await life.close();
  one.close();
});
