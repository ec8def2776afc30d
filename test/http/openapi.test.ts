import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES, Service } from './support.ts';

let service: Service;
let document: Record<string, unknown>;
beforeAll(async () => {
  service = await Service.start();
  document = (await service.ask('GET /openapi.json')).json;
});
afterAll(() => service.close());

type Operation = {
  summary?: string;
  parameters?: { in: string; name: string; required?: boolean }[];
  responses: Record<string, unknown>;
  security?: unknown[];
};

describe('the OpenAPI document', () => {
  it('is valid by the schema of its own version', async () => {
    const result = await new Validator().validate(structuredClone(document));
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
    expect(document['openapi']).toBe('3.1.0');
  });

  it.each(ROUTES)('has %s, with a summary', (route) => {
    const [method = '', path = ''] = route.split(' ');
    const paths = document['paths'] as Record<string, Record<string, Operation>>;
    expect(paths[path]?.[method.toLowerCase()]?.summary).toMatch(/^[A-Z]/);
  });

  it('says of every operation of the API which problem it answers', () => {
    const paths = document['paths'] as Record<string, Record<string, Operation>>;
    const without = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([, { responses }]) => path.startsWith('/v1/') && responses['default'] === undefined)
        .map(([method]) => `${method} ${path}`),
    );
    // These answer a stream or nothing; their errors are problems all the same.
    expect(without.sort()).toEqual(['delete /v1/tokens/{id}', 'get /v1/audit/export', 'get /v1/events']);
  });

  it('shows the Idempotency-Key of every route that takes one, and of no other', () => {
    const paths = document['paths'] as Record<string, Record<string, Operation>>;
    const taking = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([, { parameters = [] }]) =>
          parameters.some((one) => one.in === 'header' && one.name === 'Idempotency-Key' && one.required !== true),
        )
        .map(([method]) => `${method} ${path}`),
    );
    const steps = ['approve', 'check', 'criteria/{n}', 'evidence', 'reject', 'review', 'status'];
    expect(taking.sort()).toEqual(
      [
        'post /v1/actions/apply',
        'post /v1/actions/plan',
        'post /v1/changes',
        'post /v1/changes/import',
        ...steps.map((step) => `post /v1/changes/{change_id}/${step}`),
        'post /v1/me/tokens',
        ...['cancel', 'resume'].map((verb) => `post /v1/operations/{operation_id}/${verb}`),
        'post /v1/people',
        'post /v1/plans',
        ...['approve', 'cancel', 'reject', 'replan'].map((verb) => `post /v1/plans/{plan_id}/${verb}`),
        'post /v1/runbook-runs',
        ...['abort', 'pause', 'resume', 'steps/{step}'].map((verb) => `post /v1/runbook-runs/{run_id}/${verb}`),
        'post /v1/tokens',
      ].sort(),
    );
  });

  it('names the token as the way in, and holds no secret of this server', () => {
    expect(document['components']).toMatchObject({ securitySchemes: { token: { type: 'http', scheme: 'bearer' } } });
    expect(JSON.stringify(document)).not.toMatch(/pxa_[0-9A-Za-z]{10}/);
  });
});

describe('the reference page', () => {
  it('shows that document and loads nothing from elsewhere', async () => {
    const { status, text, headers } = await service.ask('GET /docs');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^text\/html/);
    expect(text).toContain('/openapi.json');
    const loaded = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url ?? '');
    expect(loaded.filter((url) => /^(https?:)?\/\//.test(url))).toEqual([]);
    expect(headers.get('content-security-policy')).toMatch(/default-src 'self'/);
    for (const url of loaded.filter((one) => !one.startsWith('data:'))) {
      const asset = await service.ask(`GET ${new URL(url, `${service.url}/docs/`).pathname}`);
      expect(asset.status, url).toBe(200);
    }
  });
});
