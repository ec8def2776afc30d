import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Service, START } from './support.ts';

let service: Service;
let token = '';
beforeAll(async () => {
  service = await Service.start();
  token = await service.token('admin');
});
afterAll(() => service.close());

interface Event {
  readonly id: number;
  readonly type: string;
  readonly ids: Record<string, string>;
}

/** Reads the stream until `enough` says so, then hangs up. */
async function listen(
  query: string,
  enough: (events: readonly Event[]) => boolean,
  { last, as = token, begin }: { last?: number; as?: string; begin?: () => Promise<unknown> } = {},
): Promise<Event[]> {
  const over = new AbortController();
  const answer = await fetch(`${service.url}/v1/events${query}`, {
    headers: { Authorization: `Bearer ${as}`, ...(last === undefined ? {} : { 'Last-Event-ID': String(last) }) },
    signal: over.signal,
  });
  expect(answer.headers.get('content-type')).toBe('text/event-stream');
  const events: Event[] = [];
  let text = '';
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) throw new Error('no body');
  const begun = begin?.();
  while (!enough(events)) {
    const { value, done } = await reader.read();
    if (done) break;
    text += value;
    const parts = text.split('\n\n');
    text = parts.pop() ?? '';
    for (const part of parts) {
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (data === undefined) continue;
      const event = JSON.parse(data) as Event;
      expect(part).toContain(`id: ${event.id}\nevent: ${event.type}\n`);
      events.push(event);
    }
  }
  await begun;
  over.abort();
  return events;
}

async function change(target: string, name: string): Promise<Record<string, unknown>> {
  const body = { ...START, action: 'snapshot.create', target, params: { name } };
  const plan = await service.ask('POST /v1/actions/plan', { token, body });
  const done = await service.ask('POST /v1/actions/apply?wait=30', { token, body: { plan_id: plan.json['plan_id'] } });
  expect(done, done.text).toMatchObject({ status: 200, json: { state: 'applied' } });
  return done.json;
}
const ended = (events: readonly Event[]): boolean => events.at(-1)?.type === 'operation.applied';

describe('the event stream', () => {
  it('tells of a change from plan to end while it happens', async () => {
    const events = await listen('', ended, { begin: () => change('vm/121', 'live') });
    const types = events.map(({ type }) => type);
    for (const type of ['plan.created', 'operation.created', 'operation.running', 'operation.verifying'])
      expect(types).toContain(type);
    const ids = events.map(({ id }) => id);
    expect([...new Set(ids)].sort((a, b) => a - b)).toEqual(ids);
  });

  it('goes on after Last-Event-ID without gap or repetition, wherever it was cut', async () => {
    await change('vm/121', 'first');
    const all = await listen(
      '?last_event_id=0',
      (events) => events.filter(({ type }) => type === 'operation.applied').length === 2,
    );
    for (const cut of [0, 1, Math.floor(all.length / 2), all.length - 1]) {
      const rest = await listen('', (events) => events.length === all.length - cut, { last: all[cut - 1]?.id ?? 0 });
      expect(rest).toEqual(all.slice(cut));
    }
  });

  it('shows one operation alone when asked', async () => {
    const one = await change('vm/121', 'mine');
    await change('vm/302', 'theirs');
    const id = String(one['operation_id']);
    const events = await listen(`?operation_id=${id}&last_event_id=0`, ended);
    expect(events.length).toBeGreaterThan(2);
    expect(new Set(events.map(({ ids }) => ids['operation_id']))).toEqual(new Set([id]));
  });

  it('shows some types alone when asked', async () => {
    const events = await listen('?type=plan.created,operation.applied&last_event_id=0', (all) => all.length >= 8);
    expect(events).toHaveLength(8);
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['plan.created', 'operation.applied']));
  });

  it.each(['?last_event_id=x', '?typ=a'])('refuses %s before it begins', async (query) => {
    expect(await service.ask(`GET /v1/events${query}`, { token })).toMatchObject({
      status: 400,
      json: { code: 'VALIDATION_FAILED' },
    });
  });

  it('refuses a Last-Event-ID that is none', async () => {
    const answer = await service.ask('GET /v1/events', { token, headers: { 'Last-Event-ID': 'yesterday' } });
    expect(answer).toMatchObject({ status: 400, json: { code: 'VALIDATION_FAILED' } });
  });
});
