import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp, type App } from '../../src/app.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { Config } from '../../src/kernel/config.ts';
import { systemIds } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/log.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { ROOT } from '../files.ts';

const NODES = 5;
const SECRET = '00000000-1111-2222-3333-444444444444';

interface BenchGuest {
  readonly vmid: number;
  readonly node: string;
  readonly name: string;
}

const nodeNames = Array.from({ length: NODES }, (_, index) => `pve${index + 1}`);

/** A capture with `count` stopped guests spread over five nodes, in the form that the simulator loads. */
export function captureOf(count: number): Record<string, unknown> {
  const guests = Array.from({ length: count }, (_, index) => ({
    vmid: 1000 + index,
    node: nodeNames[index % NODES] ?? 'pve1',
    name: `bench-${index}`,
  }));
  return Object.assign({}, clusterOf(guests), ...nodeNames.map(networkOf), ...guests.map(guestOf)) as Record<
    string,
    unknown
  >;
}

function clusterOf(guests: readonly BenchGuest[]): Record<string, unknown> {
  const nodes = nodeNames.map((node) => ({
    node,
    id: `node/${node}`,
    type: 'node',
    status: 'online',
    maxcpu: 8,
    maxmem: 2 ** 35,
  }));
  const members = nodeNames.map((name, index) => ({
    id: `node/${name}`,
    name,
    nodeid: index + 1,
    online: 1,
    type: 'node',
    ip: `192.0.2.${index + 1}`,
  }));
  const rows = guests.map((guest) => ({
    ...guest,
    id: `qemu/${guest.vmid}`,
    type: 'qemu',
    status: 'stopped',
    template: 0,
    maxcpu: 1,
    maxmem: 2 ** 29,
    maxdisk: 2 ** 30,
  }));
  return {
    'GET /version': { release: '9.2', version: '9.2.11', repoid: '0' },
    'GET /cluster/status': [
      { id: 'cluster', name: 'bench', nodes: NODES, quorate: 1, type: 'cluster', version: 1 },
      ...members,
    ],
    'GET /cluster/resources': [...nodes, ...rows],
    'GET /nodes': nodes,
    'GET /storage': [
      { storage: 'shared', type: 'dir', path: '/mnt/shared', shared: 1, content: 'images', digest: '0'.repeat(40) },
    ],
    'GET /access/users': [{ userid: 'root@pam', enable: 1, expire: 0 }],
  };
}

const networkOf = (node: string): Record<string, unknown> => ({
  [`GET /nodes/${node}/network`]: [
    {
      iface: 'vmbr0',
      type: 'bridge',
      active: 1,
      method: 'static',
      method6: 'manual',
      families: ['inet'],
      priority: 1,
      bridge_ports: 'eno1',
    },
  ],
});

function guestOf({ node, vmid, name }: BenchGuest): Record<string, unknown> {
  const path = `GET /nodes/${node}/qemu/${vmid}`;
  const uuid = `00000000-0000-4000-8000-${String(vmid).padStart(12, '0')}`;
  return {
    [`${path}/config`]: {
      name,
      memory: '512',
      cores: 1,
      boot: 'order=scsi0',
      scsi0: `shared:${vmid}/vm-${vmid}-disk-0.qcow2,size=1G`,
      net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0',
      smbios1: `uuid=${uuid}`,
      digest: String(vmid).padStart(40, '0'),
    },
    [`${path}/status/current`]: {
      vmid,
      name,
      status: 'stopped',
      qmpstatus: 'stopped',
      cpus: 1,
      maxmem: 2 ** 29,
      maxdisk: 2 ** 30,
      uptime: 0,
      ha: { managed: 0 },
    },
    [`${path}/pending`]: [],
    [`${path}/snapshot`]: [{ name: 'current', description: 'You are here!', running: 0 }],
  };
}

/** A simulator in a process of its own, over TLS, as a cluster would be. */
export class BenchLab {
  readonly directory = mkdtempSync(join(tmpdir(), 'proxmox-agent-bench-'));
  readonly #child: ChildProcess;
  #output = '';

  constructor(guests: number, speed: string) {
    const file = join(this.directory, 'capture.json');
    writeFileSync(file, JSON.stringify(captureOf(guests)));
    const args = [
      'simulator',
      '--capture',
      file,
      '--listen',
      '127.0.0.1:0',
      '--token',
      `root@pam!bench=${SECRET}`,
      '--speed',
      speed,
      '--control',
    ];
    this.#child = spawn(join(ROOT, 'bin/proxmox-agent'), args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child.stdout?.on('data', (data: Buffer) => (this.#output += data.toString()));
  }

  async environment(): Promise<Config['environments'][number]> {
    let match: RegExpExecArray | null = null;
    while ((match = /(https:\S+)[^]*fingerprint (\S+)/.exec(this.#output)) === null)
      await once(this.#child.stdout ?? this.#child, 'data');
    const [, endpoint = '', fingerprint = ''] = match;
    return {
      name: 'bench',
      endpoints: [endpoint],
      auth: { token: { id: 'root@pam!bench', secret: new Secret(SECRET) } },
      tls: { fingerprint },
      production: false,
    };
  }

  async app(data = 'data'): Promise<App> {
    const config: Config = {
      environments: [await this.environment()],
      host: '127.0.0.1',
      port: 0,
      data: join(this.directory, data),
      logLevel: 'silent',
      database: undefined,
      bootstrapToken: new Secret('bench-bootstrap-token-0123456789abcdef'),
    };
    return createApp({ config, clock: systemClock, ids: systemIds(systemClock), log: silentLogger });
  }

  close(): void {
    this.#child.kill('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }
}
