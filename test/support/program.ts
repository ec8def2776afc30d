import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** The program in a process of its own. */
export interface Server {
  readonly url: string;
  /** Of the one-time link; undefined when there is an owner. */
  readonly ownerCode: string | undefined;
  stop(): Promise<void>;
}

/** Starts the program as a user does; resolves when it has printed its address. */
export async function startServer(data: string, port = 0): Promise<Server> {
  const { PROXMOX_AGENT_BOOTSTRAP_TOKEN: _, ...env } = process.env;
  const args = [join(ROOT, 'bin/main.js'), 'serve', '--data', data, '--port', String(port)];
  const child: ChildProcess = spawn(process.execPath, args, { cwd: data, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const ended = once(child, 'exit');
  const url = await new Promise<string>((resolve, reject) => {
    const read = (piece: Buffer): void => {
      said += piece.toString();
      const found = /listens on (http:\S+)/.exec(said)?.[1];
      // The greeting is one write, so the owner link is there when the address is.
      if (found !== undefined) resolve(found);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    void ended.then(() => reject(new Error(`the server ended: ${said}`)));
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
  };
  return { url, ownerCode: /#owner=(\S+)/.exec(said)?.[1], stop };
}
