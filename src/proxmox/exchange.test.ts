import { Dispatcher } from 'undici';
import { expect, test } from 'vitest';
import { exchange } from './exchange.ts';
import { rejection } from './fixtures/servers.ts';

const outgoing = { method: 'POST', target: '/api2/json/x', headers: {}, timeout: 1000, name: 'POST /x' } as const;

/** Stands for an HTTP client that wants to write a request again after a cut; tells whether it was let. */
class Insisting extends Dispatcher {
  writes = 0;
  override dispatch(_options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    for (let attempt = 0; attempt < 2; attempt++) {
      let reason: Error | null = null;
      const abort = (why: Error): void => void (reason = why);
      const controller = { aborted: false, paused: false, reason: null, abort, pause() {}, resume() {} };
      handler.onRequestStart?.(controller, null);
      if (reason === null) this.writes++;
      else handler.onResponseError?.(controller, reason);
    }
    return true;
  }
}

test('an HTTP client that wants to send a request a second time is stopped before it writes', async () => {
  const dispatcher = new Insisting();
  const error = await rejection(exchange(dispatcher, outgoing, AbortSignal.timeout(1000)));
  expect(error).toMatchObject({ code: 'PVE_UNREACHABLE', details: { more: { sent: 'maybe', kind: 'cut' } } });
  expect(dispatcher.writes).toBe(1);
});
