import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/harness.ts';
import { Running } from '../support/processes.ts';
import { absent } from '../support/programs.ts';

/** Clients that nobody here wrote, pointed at the simulator over TLS. Debian's own Python runs them. */
const PYTHON = '/usr/bin/python3';
const run = promisify(execFile);
const here = import.meta.dirname;
const directory = temporaryDirectory();
const ca = join(directory.path, 'ca.pem');
let simulator: Running;
let host = '';

beforeAll(async () => {
  simulator = new Running(
    'simulator',
    ['--listen', '127.0.0.1:0', '--token', 'agent@pve!control=secret-of-the-test', '--speed', '50'],
    {},
  );
  const [, address = ''] = await simulator.printed(/https:\/\/(\S+)/);
  await simulator.printed(/fingerprint/);
  host = address;
  writeFileSync(ca, await certificateOf(host));
});
afterAll(async () => {
  await simulator.stop();
  directory.remove();
});

/** The certificate that the server shows, as a PEM that clients can trust. */
async function certificateOf(address: string): Promise<string> {
  const [name = '', port = ''] = address.split(':');
  const socket = connect({ host: name, port: Number(port), rejectUnauthorized: false });
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  const body = socket
    .getPeerCertificate()
    .raw.toString('base64')
    .replace(/(.{64})/g, '$1\n');
  socket.destroy();
  return `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
}

describe('curl', () => {
  // Skipped where curl is not installed.
  it.skipIf(absent('curl'))('gets a ticket and the version over verified TLS', async () => {
    const api = `https://${host}/api2/json`;
    const login = await run('curl', [
      '-sS',
      '--cacert',
      ca,
      '-d',
      'username=root@pam',
      '--data-urlencode',
      'password=simulator',
      `${api}/access/ticket`,
    ]);
    const { ticket, CSRFPreventionToken } = (JSON.parse(login.stdout) as { data: Record<string, string> }).data;
    const put = [
      '-sS',
      '--cacert',
      ca,
      '-b',
      `PVEAuthCookie=${ticket}`,
      '-X',
      'PUT',
      '-d',
      'description=by curl',
      `${api}/nodes/pve4/qemu/301/config`,
    ];
    expect((await run('curl', put)).stdout).toBe('');
    expect(
      JSON.parse((await run('curl', ['-H', `CSRFPreventionToken: ${CSRFPreventionToken}`, ...put])).stdout),
    ).toEqual({ data: null });
  });
});

describe('proxmoxer', () => {
  // Skipped where Debian's python3-proxmoxer is not installed.
  it.skipIf(absent(PYTHON, '-c', 'import proxmoxer'))(
    'lives through the life of a guest by password and by token',
    { timeout: 60_000 },
    async () => {
      const [name = '', port = ''] = host.split(':');
      const { stdout } = await run(PYTHON, [join(here, 'proxmoxer_client.py'), name, port, ca]);
      const life = {
        steps: Array.from({ length: 9 }, () => 'OK'),
        running: 'running',
        memory: '1024',
        tags: 'from-proxmoxer',
        gone: '500 Internal Server Error',
      };
      expect(JSON.parse(stdout)).toMatchObject({
        version: '9.2.11',
        nodes: ['pve1', 'pve2', 'pve3', 'pve4', 'pve5'],
        password: life,
        token: life,
        refused: { status: 400 },
      });
    },
  );
});

describe("Ansible's community.general", () => {
  // Skipped where Debian's ansible is not installed.
  it.skipIf(absent('ansible-playbook') || absent(PYTHON, '-c', 'import proxmoxer'))(
    'changes what differs, and nothing the second time',
    { timeout: 180_000 },
    async () => {
      const out = join(directory.path, 'out.json');
      const args = [
        '-i',
        'localhost,',
        '-e',
        `host=${host}`,
        '-e',
        `out=${out}`,
        '-e',
        `ansible_python_interpreter=${PYTHON}`,
        join(here, 'playbook.yml'),
      ];
      await run('ansible-playbook', args, {
        env: { ...process.env, ANSIBLE_LOCAL_TEMP: directory.path, ANSIBLE_HOME: directory.path },
      });
      const happened = JSON.parse(readFileSync(out, 'utf8')) as { changed: Record<string, boolean> };
      expect(happened).toMatchObject({ status: 'running', users: ['agent@pve', 'auditor@pve', 'ops@pve', 'root@pam'] });
      for (const [what, changed] of Object.entries(happened.changed))
        expect([what, changed]).toEqual([what, !what.endsWith('again')]);
    },
  );
});
