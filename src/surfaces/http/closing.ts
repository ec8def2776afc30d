import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../kernel/clock.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Aborted when the server is told to end: what waits answers as things stand, streams end. */
    closing: AbortSignal;
  }
}

/** How long requests that are being worked on may take to end. */
const GRACE_MS = 5_000;

/** Lets a server that is told to end answer what it has begun; nothing new is taken up (503), and no connection kept. */
export function addClosing(server: FastifyInstance, clock: Clock): void {
  const closing = new AbortController();
  const closed = new AbortController();
  server.decorate('closing', closing.signal);
  server.addHook('preClose', async () => {
    closing.abort();
    void clock.sleep(GRACE_MS, closed.signal).then(
      () => server.server.closeAllConnections(),
      () => {},
    );
  });
  // Node closes those that are idle when it is told; one that becomes idle afterwards would be kept for a minute.
  server.addHook('onResponse', async () => {
    if (closing.signal.aborted) setImmediate(() => server.server.closeIdleConnections());
  });
  server.addHook('onClose', async () => closed.abort());
}
