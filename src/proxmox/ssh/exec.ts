import { createHash, timingSafeEqual } from 'node:crypto';
import type { Client as SshClient } from 'ssh2';
import type { AgentError } from '../../kernel/errors.ts';
import { unreachable as noAnswer, type Sent } from '../failures.ts';
import type { Exec, Outcome, SshAccess, SshHost } from './hosts.ts';

const CONNECT_MS = 10_000;
/** A peer that is gone is noticed after three of these. */
const ALIVE_MS = 10_000;
/** Of each stream; our commands bound what they print. */
const MAX_BYTES = 1024 * 1024;

/** Runs commands over SSH, each on a connection of its own. The library is loaded with the first one. */
export function sshExec({ user, key, hosts }: SshAccess): Exec {
  return async (node, argv, signal) => {
    const host = hosts[node];
    if (host === undefined) throw unreachable(node, 'no SSH access is configured for it', 'no');
    signal?.throwIfAborted();
    const client = await connected(node, host, { user, key: key.reveal() }, signal);
    try {
      return await execute(client, node, argv, signal);
    } finally {
      client.end();
    }
  };
}

async function connected(
  node: string,
  host: SshHost,
  as: { user: string; key: string },
  signal?: AbortSignal,
): Promise<SshClient> {
  const { default: ssh2 } = await import('ssh2');
  const client = new ssh2.Client();
  let foreign: string | undefined;
  let abort = (): void => {};
  await new Promise<void>((resolve, reject) => {
    abort = () => {
      client.destroy();
      reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', abort, { once: true });
    client.once('ready', resolve);
    client.once('error', (error) => reject(unreachable(node, foreign ?? error.message, 'no')));
    // A peer that dies in the middle of the handshake is no error to the library, only an end.
    client.once('close', () => reject(unreachable(node, foreign ?? 'the connection was cut', 'no')));
    try {
      client.connect({
        host: host.address,
        port: host.port,
        username: as.user,
        privateKey: as.key,
        readyTimeout: CONNECT_MS,
        keepaliveInterval: ALIVE_MS,
        keepaliveCountMax: 3,
        hostVerifier: (offered: Buffer) => {
          const known = isKey(offered, host.hostKey);
          if (!known) foreign = `it shows the host key ${fingerprint(offered)}, not ${host.hostKey}`;
          return known;
        },
      });
    } catch {
      // The library's words may quote the key.
      reject(unreachable(node, 'the private key cannot be used', 'no'));
    }
  }).finally(() => signal?.removeEventListener('abort', abort));
  return client;
}

const fingerprint = (key: Buffer): string =>
  `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;

function isKey(offered: Buffer, expected: string): boolean {
  const [seen, wanted] = [Buffer.from(fingerprint(offered)), Buffer.from(expected.replace(/=+$/, ''))];
  return seen.length === wanted.length && timingSafeEqual(seen, wanted);
}

/** From the moment that the command is handed to the library, it may have been run. */
function execute(client: SshClient, node: string, argv: readonly string[], signal?: AbortSignal): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      client.destroy();
      reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', abort, { once: true });
    const lost = (why: string): void => {
      signal?.removeEventListener('abort', abort);
      reject(unreachable(node, why, 'maybe'));
    };
    client.on('error', (error) => lost(error.message));
    client.on('close', () => lost('the connection was cut'));
    client.exec(argv.map(quoted).join(' '), (error, channel) => {
      if (error !== undefined) return lost(error.message);
      const [stdout, stderr] = [collect(channel), collect(channel.stderr)];
      let code: number | null | undefined;
      channel.on('exit', (status: number | null) => (code = status));
      channel.on('close', () => {
        // No status: killed by a signal, or the connection went before it came.
        if (typeof code !== 'number') return lost('the command’s end was not reported');
        signal?.removeEventListener('abort', abort);
        return resolve({ code, stdout: stdout(), stderr: stderr() });
      });
    });
  });
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const parts: Buffer[] = [];
  let size = 0;
  stream.on('data', (part: Buffer) => {
    if (size < MAX_BYTES) parts.push(part);
    size += part.length;
  });
  return () => Buffer.concat(parts).subarray(0, MAX_BYTES).toString('utf8');
}

/** One word of a POSIX shell, whatever is in it. */
const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

const unreachable = (node: string, reason: string, sent: Sent): AgentError =>
  noAnswer(`SSH to ${node}`, { sent, kind: sent === 'no' ? 'connect' : 'cut', reason });
