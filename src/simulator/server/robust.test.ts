import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const COMMAND = new URL('../command.ts', import.meta.url).href;
const script = `import { runSimulator } from ${JSON.stringify(COMMAND)}; process.exitCode = await runSimulator(process.argv.slice(1));`;
const AS = { 'X-Simulator-As': 'root@pam' };

const start = (...args: string[]): ChildProcess =>
  spawn(
    process.execPath,
    [
      '--input-type=module',
      '--disable-warning=ExperimentalWarning',
      '-e',
      script,
      '--',
      '--listen',
      '127.0.0.1:0',
      '--http',
      ...args,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );

/** A process of its own: what would kill it, or what it prints, must be seen from outside. */
let child: ChildProcess;
let url = '';
let port = 0;
let stderr = '';
beforeAll(async () => {
  child = start('--control', '--speed', 'manual', '--world', 'enterprise');
  child.stderr?.on('data', (chunk: Buffer) => (stderr += String(chunk)));
  url = await new Promise((resolve) => child.stdout?.once('data', (chunk: Buffer) => resolve(String(chunk).trim())));
  port = Number(new URL(url).port);
});
afterAll(() => {
  child.kill('SIGKILL');
});

/** Writes these bytes and no more; resolves with everything that came once the connection is closed. */
const raw = (bytes: Uint8Array | string): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1');
    socket.on('data', (chunk: Buffer) => (text += String(chunk)));
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
    socket.end(bytes);
  });

async function expectAlive(): Promise<void> {
  const response = await fetch(`${url}/api2/json/version`, { headers: AS });
  await response.text();
  expect(response.status).toBe(200);
  expect(child.exitCode).toBeNull();
  expect(stderr).toBe('');
}

const head = (line: string, ...headers: string[]): string =>
  [`${line} HTTP/1.1`, 'Host: x', 'X-Simulator-As: root@pam', ...headers, '', ''].join('\r\n');
const firstLine = (text: string): string => text.split('\r\n')[0] ?? '';

describe('requests that are none', () => {
  it.each<[string, string, RegExp]>([
    ['malformed percent-encoding', head('GET /api2/json/nodes/%zz/status', 'Connection: close'), /^HTTP\/1\.1 501 /],
    ['half a UTF-8 character', head('GET /api2/json/nodes/%c3/status', 'Connection: close'), /^HTTP\/1\.1 [45]\d\d /],
    [
      'malformed encoding in a query',
      head('GET /api2/json/cluster/resources?type=%', 'Connection: close'),
      /^HTTP\/1\.1 400 /,
    ],
    ['an escaped null byte', head('GET /api2/json/nodes/pve1%00/status', 'Connection: close'), /^HTTP\/1\.1 [45]\d\d /],
    [
      'a node named as what objects have',
      head('GET /api2/json/nodes/constructor/qemu', 'Connection: close'),
      /^HTTP\/1\.1 500 hostname lookup/,
    ],
    [
      'fields named as what objects have',
      head('GET /api2/json/cluster/resources?constructor=1&__proto__=2&toString=3', 'Connection: close'),
      /^HTTP\/1\.1 400 /,
    ],
    ['headers without end', head('GET /api2/json/version', `X-Long: ${'x'.repeat(200_000)}`), /^HTTP\/1\.1 431 /],
    [
      'very many headers',
      head('GET /api2/json/version', ...Array.from({ length: 5_000 }, (_, n) => `X-${n}: ${n}`)),
      /^HTTP\/1\.1 431 /,
    ],
    ['an unknown verb', head('BREW /api2/json/version'), /^HTTP\/1\.1 400 /],
    ['a verb that PVE lacks', head('PATCH /api2/json/version', 'Connection: close'), /^HTTP\/1\.1 501 /],
    ['a tunnel', head('CONNECT pve1:8006'), /^$/],
    [
      'a change of protocol',
      head('GET /api2/json/version', 'Connection: Upgrade, close', 'Upgrade: websocket'),
      /^HTTP\/1\.1 200 |^$/,
    ],
    ['two lengths', head('POST /api2/json/pools', 'Content-Length: 1', 'Content-Length: 2'), /^HTTP\/1\.1 400 /],
    [
      'a chunk that is none',
      `${head('POST /api2/json/pools', 'Transfer-Encoding: chunked')}zz\r\n`,
      /^HTTP\/1\.1 400 |^$/,
    ],
    ['TLS on a plain port', '\u0016\u0003\u0001\u0002\u0000\u0001', /^HTTP\/1\.1 400 /],
    ['a line without end', `GET /${'a'.repeat(200_000)}`, /^HTTP\/1\.1 (?:400|431) /],
  ])('%s', async (_, bytes, answer) => {
    expect(firstLine(await raw(bytes))).toMatch(answer);
    await expectAlive();
  });

  it('answers pipelined requests in their order, and refuses nonsense among them', async () => {
    const good = `${head('GET /api2/json/version')}${head('GET /api2/json/nope', 'Connection: close')}`;
    expect((await raw(good)).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 501']);
    expect(await raw(`${head('GET /api2/json/version')}nonsense\r\n\r\n`)).toMatch(/HTTP\/1\.1 400 /);
    await expectAlive();
  });

  it('forgets a body of which half came, with nothing carried out', async () => {
    const socket = connect(port, '127.0.0.1');
    await new Promise((resolve) => {
      socket.write(`${head('POST /api2/json/pools', 'Content-Length: 100')}poolid=half`, resolve);
    });
    socket.destroy();
    await expectAlive();
    const pools = (await (await fetch(`${url}/api2/json/pools`, { headers: AS })).json()) as {
      data: { poolid: string }[];
    };
    expect(pools.data.map(({ poolid }) => poolid)).not.toContain('half');
  });

  it('answers others while a body comes slowly, and the slow one in the end', async () => {
    const socket = connect(port, '127.0.0.1');
    const answered = new Promise<string>((resolve) => socket.once('data', (chunk: Buffer) => resolve(String(chunk))));
    socket.write(
      head('POST /api2/json/pools', 'Content-Length: 11', 'Content-Type: application/x-www-form-urlencoded'),
    );
    for (const letter of 'poolid=slow') {
      socket.write(letter);
      await expectAlive();
    }
    expect(firstLine(await answered)).toBe('HTTP/1.1 200 OK');
    socket.destroy();
  });

  it.each([
    ['deep JSON', 'application/json', `{"poolid":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 500],
    ['JSON that is a list', 'application/json', '[1,2]', 400],
    ['JSON that is a text', 'application/json', '"x"', 400],
    ['names that objects have', 'application/json', '{"poolid":"x","__proto__":{"a":1},"constructor":"y"}', 400],
    ['bytes', 'application/x-www-form-urlencoded', '\u0000\ufffd%ff%00=&&&==', 400],
    ['a form without end', 'multipart/form-data; boundary=x', `--x\r\n${'a'.repeat(100_000)}`, 506],
  ])('refuses %s in a body', async (_, type, body, status) => {
    const response = await fetch(`${url}/api2/json/pools`, {
      method: 'POST',
      headers: { ...AS, 'Content-Type': type },
      body,
    });
    await response.text();
    expect(response.status).toBe(status);
    await expectAlive();
  });

  it('refuses an upload whose headers do not end', async () => {
    const response = await fetch(`${url}/api2/json/nodes/pve1/storage/nas/upload`, {
      method: 'POST',
      headers: { ...AS, 'Content-Type': 'multipart/form-data; boundary=x' },
      body: `--x\r\n${'a'.repeat(3_000_000)}`,
    });
    await response.text();
    expect(response.status).toBe(400);
    await expectAlive();
  });

  it('survives any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (bytes, asBody) => {
        const length = `Content-Length: ${bytes.length}`;
        const front = asBody ? head('POST /api2/json/pools', length, 'Connection: close') : '';
        await raw(Buffer.concat([Buffer.from(front), bytes, Buffer.from('\r\n\r\n')]));
        expect(child.exitCode).toBeNull();
      }),
      { numRuns: 100 },
    );
    await expectAlive();
  });

  it('survives long values of every kind of field in no time', async () => {
    const values = ['a', ',', '=', ' ', '%', '.', '1', ':', ';', 'a,', 'a=', '-'].map((one) => one.repeat(15_000));
    const started = performance.now();
    for (const value of values) {
      const body = new URLSearchParams({
        vmid: '950',
        scsi0: value,
        net0: value,
        boot: value,
        name: value,
        ipconfig0: value,
        tags: value,
        sshkeys: value,
      });
      const response = await fetch(`${url}/api2/json/nodes/pve1/qemu`, { method: 'POST', headers: AS, body });
      await response.text();
      expect(response.status).toBe(400);
    }
    expect(performance.now() - started).toBeLessThan(10_000);
    await expectAlive();
  });
});

describe('control', () => {
  const post = (what: string, body: string): Promise<Response> =>
    fetch(`${url}/_simulator/${what}`, { method: 'POST', body });

  it.each<[string, string, RegExp]>([
    ['faults', '{"faults":', /not a JSON object/],
    ['faults', 'null', /not a JSON object/],
    ['advance', '[]', /not a JSON object/],
    ['faults', '{"faults":[{"kind":"nonsense"}]}', /`kind` is one of/],
    ['faults', '{"faults":[{"kind":"delay"},{"kind":"delay","delay_ms":-1}]}', /^fault 2: `delay_ms`/],
    ['faults', '{"seed":[]}', /`seed`/],
    ['faults', '{"clear":"yes"}', /`clear`/],
    ['advance', '{"seconds":-1}', /`seconds` is a number from 0/],
    ['advance', '{"seconds":1e300}', /`seconds`/],
    ['advance', '{"seconds":"soon"}', /`seconds`/],
    ['advance', '{}', /`seconds`/],
    ['event', '{"kind":"kill-node","node":"pve99"}', /no node 'pve99'/],
    ['event', '{"kind":"kill-node","node":"__proto__"}', /no node/],
    ['event', '{"kind":"kill-node"}', /`node` is the name/],
    ['event', '{"kind":"melt","node":"pve1"}', /`kind` is kill-node or start-node/],
    ['faults', `{"a":"${'x'.repeat(600_000)}"}`, /too large/],
  ])('%s refuses %.60s', async (what, body, words) => {
    const response = await post(what, body);
    expect(response.status).toBe(400);
    expect(((await response.json()) as { error: string }).error).toMatch(words);
    await expectAlive();
  });

  it('survives any JSON', async () => {
    const words = fc.constantFrom('faults', 'advance', 'event', 'nonsense');
    const key = fc.constantFrom('faults', 'kind', 'match', 'path', 'node', 'seconds', 'seed', 'clear', 'nth', 'x');
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: 'small' },
        fc.jsonValue({ maxDepth: 1 }),
        fc.array(tie('any'), { maxLength: 2 }),
        fc.dictionary(key, tie('any'), { maxKeys: 3 }),
      ),
    })).any;
    await fc.assert(
      fc.asyncProperty(words, value, async (what, body) => {
        const response = await post(what, JSON.stringify(body));
        await response.text();
        expect([200, 400, 404]).toContain(response.status);
      }),
      { numRuns: 200 },
    );
    await post('faults', '{"clear":true}');
    await expectAlive();
  });
});

describe('--faults', () => {
  it.each([
    ['nonsense', /cannot be read/],
    ['null', /no object/],
    ['{"faults":[{"kind":"nonsense"}]}', /fault 1: `kind` is one of/],
    ['{"faults":[{"kind":"delay","delay_ms":-3}]}', /fault 1: `delay_ms`/],
  ])('refuses a file with %s in one line', async (content, words) => {
    const folder = mkdtempSync(join(tmpdir(), 'faults-'));
    try {
      writeFileSync(join(folder, 'faults.json'), content);
      const one = start('--faults', join(folder, 'faults.json'), '--world', 'empty');
      let text = '';
      one.stderr?.on('data', (chunk: Buffer) => (text += String(chunk)));
      expect(await new Promise((resolve) => one.on('close', resolve))).toBe(2);
      expect(text).toMatch(words);
      expect(text.trimEnd().split('\n')).toHaveLength(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
