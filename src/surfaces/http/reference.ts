import fastify, { type FastifyInstance } from 'fastify';

/** What the page needs beyond the usual policy: its own inline style and script. Nothing from elsewhere. */
export const REFERENCE_POLICY =
  "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; frame-ancestors 'none'";

export interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly location: string | undefined;
}

/**
 * The reference page at `/docs`. Its bundle is several megabytes of text, so it lives in a server of its own that is
 * made when somebody first asks for the page; a start does not pay for it.
 */
export function lazyReference(): (url: string) => Promise<Page> {
  let made: Promise<FastifyInstance> | undefined;
  return async (url) => {
    const answer = await (await (made ??= make())).inject({ method: 'GET', url });
    const { location, 'content-type': type } = answer.headers;
    return {
      status: answer.statusCode,
      type: type ?? 'text/html',
      body: answer.body,
      location: typeof location === 'string' ? location : undefined,
    };
  };
}

async function make(): Promise<FastifyInstance> {
  const { default: reference } = await import('@scalar/fastify-api-reference');
  const instance = fastify();
  await instance.register(reference, {
    routePrefix: '/docs',
    configuration: { url: '/openapi.json', withDefaultFonts: false, telemetry: false, hideClientButton: true },
  });
  await instance.ready();
  return instance;
}
