import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { serve } from './serve.ts';

it.each(['--help', '-h'])('%s says what it takes, and starts nothing', async (flag) => {
  const io = { stdout: new PassThrough(), stderr: new PassThrough(), env: {} };
  expect(await serve(['--port', '0', flag], io, Promise.resolve())).toBe(0);
  const text = String(io.stdout.read());
  for (const option of ['config', 'data', 'host', 'port']) expect(text).toMatch(new RegExp(`^  --${option} <`, 'm'));
  expect(io.stderr.read()).toBeNull();
});
