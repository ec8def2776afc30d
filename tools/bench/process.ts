import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createApp } from '../../src/app.ts';
import { submit } from '../../src/changes/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { loadConfig } from '../../src/kernel/config.ts';
import { systemIds } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/log.ts';
import { ROOT } from '../files.ts';
import { person } from './apply.ts';
import type { Figure } from './figure.ts';

const TOKEN = 'bench-bootstrap-token-0123456789abcdef';

/** The server as people start it: time to ready, memory at rest, and the heap over 1,000 plans. */
export async function benchProcess(): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), 'proxmox-agent-bench-'));
  try {
    await withServer(directory, async () => 0); // warms the compile cache and sets the data directory up
    const starts: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < 5; round++) {
      bare.push(await bareNode());
      starts.push(await withServer(directory, async (_url, _pid, ready) => ready));
    }
    const median = (values: number[]): number => values.sort((a, b) => a - b)[2] ?? 0;
    const idle = await withServer(directory, async (_url, pid) => {
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      return Math.round(resident(pid));
    });
    return [
      {
        name: 'start to /readyz, warm',
        value: median(starts),
        unit: 'ms',
        baseline: median(bare),
        what: 'node that prints its version',
        limit: '< 700 ms',
      },
      { name: 'memory at rest, with the built-in lab', value: idle, unit: 'MB', limit: '< 150 MB' },
      {
        name: 'heap in use after 1,000 plans over after 200',
        value: await heapGrowth(directory),
        unit: 'x',
        limit: 'flat (<= 1.2)',
      },
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function withServer<T>(
  directory: string,
  work: (url: string, pid: number, readyMs: number) => Promise<T>,
): Promise<T> {
  const began = performance.now();
  const port = 18_470 + Math.floor(process.pid % 1000);
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(join(ROOT, 'bin/proxmox-agent'), ['serve', '--data', directory, '--port', String(port)], {
    stdio: 'ignore',
    env: { ...process.env, PROXMOX_AGENT_BOOTSTRAP_TOKEN: TOKEN },
  });
  try {
    while (
      !(await fetch(`${url}/readyz`).then(
        (answer) => answer.ok,
        () => false,
      ))
    )
      await new Promise((resolve) => setTimeout(resolve, 5));
    return await work(url, child.pid ?? 0, performance.now() - began);
  } finally {
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
  }
}

/** Resident megabytes of a process, by the kernel's word. */
function resident(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

/** Heap in use after a collection, after 1,000 plans over after 200, in this process. */
async function heapGrowth(directory: string): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const config = loadConfig({ env: {}, cwd: directory, flags: { data: join(directory, 'heap') } });
  const app = await createApp({ config, clock: systemClock, ids: systemIds(systemClock), log: silentLogger });
  const plan = (): Promise<unknown> =>
    submit(app.changes, { environment: 'lab', action: 'vm.start', target: 'vm/301', dry_run: true }, person);
  const used = async (plans: number): Promise<number> => {
    for (let done = 0; done < plans; done += 10) await Promise.all(Array.from({ length: 10 }, plan));
    collect();
    return process.memoryUsage().heapUsed;
  };
  const early = await used(200);
  const late = await used(800);
  await app.close();
  return Math.round((late / early) * 100) / 100;
}

async function bareNode(): Promise<number> {
  const began = performance.now();
  await new Promise((resolve) => spawn(process.execPath, ['--version'], { stdio: 'ignore' }).once('exit', resolve));
  return performance.now() - began;
}
