import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Pool } from 'undici';
import { seededIds } from '../../src/kernel/ids.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { makeCertificate, Simulator } from '../../src/simulator/index.ts';
import { ROOT } from '../files.ts';
import type { Figure } from './figure.ts';

const AS = { 'x-simulator-as': 'root@pam' };

/** The simulator by itself: calls in this process, over TLS beside a server that only says hello, and the large world. */
export async function benchSimulator(): Promise<Figure[]> {
  return [...inProcess(), ...largeWorld(), ...(await overTls()), ...(await startOfLarge())];
}

const make = (world: string): Simulator =>
  Simulator.fromWorld(world, { ids: seededIds('bench', systemClock), now: systemClock.now() });

function perSecond(count: number, work: (index: number) => number): number {
  const began = performance.now();
  for (let index = 0; index < count; index++) if (work(index) !== 200) throw new Error(`call ${index} failed`);
  return Math.round(count / ((performance.now() - began) / 1000));
}

function inProcess(): Figure[] {
  const simulator = make('enterprise');
  const call = (method: string, path: string, params: Record<string, string> = {}): number =>
    simulator.handle({ method, path, params, principal: 'root@pam' }).status;
  const reads = perSecond(50_000, (index) =>
    call('GET', `/nodes/pve4/qemu/301/${index % 2 === 0 ? 'config' : 'status/current'}`),
  );
  const writes = perSecond(20_000, (index) =>
    call('PUT', '/nodes/pve4/qemu/301/config', { description: `n ${index}` }),
  );
  return [
    { name: 'simulator in this process, reads a second', value: reads, unit: '/s', limit: '>= 50000' },
    { name: 'simulator in this process, writes a second', value: writes, unit: '/s', limit: '>= 20000' },
  ];
}

function largeWorld(): Figure[] {
  const simulator = make('large');
  const times = Array.from({ length: 15 }, () => {
    const began = performance.now();
    simulator.handle({ method: 'GET', path: '/cluster/resources', params: {}, principal: 'root@pam' });
    return performance.now() - began;
  });
  return [
    {
      name: '/cluster/resources with 10,000 guests',
      value: times.sort((a, b) => a - b)[7] ?? 0,
      unit: 'ms',
      limit: '< 30 ms',
    },
  ];
}

async function requestsPerSecond(origin: string, path: string): Promise<number> {
  const pool = new Pool(origin, { connect: { rejectUnauthorized: false }, connections: 16, pipelining: 1 });
  const COUNT = 8_000;
  let left = COUNT;
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const { statusCode, body } = await pool.request({ method: 'GET', path, headers: AS });
      await body.dump();
      if (statusCode !== 200) throw new Error(`${path}: ${statusCode}`);
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: 16 }, worker));
  const rate = Math.round(COUNT / ((performance.now() - began) / 1000));
  await pool.close();
  return rate;
}

async function overTls(): Promise<Figure[]> {
  const { key, cert } = makeCertificate(systemClock.now(), new Uint8Array(8));
  const hello = createServer({ key, cert }, (_request, response) => response.end('{"data":"hello"}')).listen(
    0,
    '127.0.0.1',
  );
  await once(hello, 'listening');
  const bare = await requestsPerSecond(`https://127.0.0.1:${(hello.address() as AddressInfo).port}`, '/');
  hello.close();
  hello.closeAllConnections();
  const { url, stop } = await startSimulator('enterprise');
  const value = await requestsPerSecond(url, '/api2/json/nodes/pve4/qemu/301/config');
  await stop();
  return [
    {
      name: 'simulator over TLS, requests a second',
      value,
      unit: '/s',
      baseline: bare,
      what: 'a TLS server that says hello',
      limit: '>= 3000 /s',
    },
  ];
}

async function startOfLarge(): Promise<Figure[]> {
  const began = performance.now();
  const { pid, stop } = await startSimulator('large');
  const took = performance.now() - began;
  const memory = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  await stop();
  return [
    { name: 'simulator with world `large`, start', value: Math.round(took), unit: 'ms', limit: '< 1500 ms' },
    { name: 'simulator with world `large`, memory', value: Math.round(memory), unit: 'MB', limit: '< 300 MB' },
  ];
}

async function startSimulator(world: string): Promise<{ url: string; pid: number; stop: () => Promise<void> }> {
  const child = spawn(
    join(ROOT, 'bin/proxmox-agent'),
    ['simulator', '--world', world, '--listen', '127.0.0.1:0', '--control'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return { url: /(https:\S+)/.exec(said.toString())?.[1] ?? '', pid: child.pid ?? 0, stop };
}
