import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/kernel/clock.ts';
import { Browser, join, movable, PASSWORD } from './browser.ts';
import { BOOTSTRAP, Service, START } from './support.ts';

/** A stream of events that is open while the rights of who reads it change. Its pauses pass quickly. */
const moved = movable();
const clock = {
  ...moved,
  sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms === 15_000 ? 10 : ms, signal),
};
let service: Service;
beforeAll(async () => {
  service = await Service.twoLabs({ clock });
});
afterAll(() => service.close());

/** What a stream says, until `until` is in it or it ends; answers all of it. */
async function stream(headers: Record<string, string>) {
  const over = new AbortController();
  const answer = await fetch(`${service.url}/v1/events`, { headers, signal: over.signal });
  expect(answer.status).toBe(200);
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) throw new Error('no body');
  let text = '';
  return {
    async read(until?: string): Promise<{ text: string; ended: boolean }> {
      for (;;) {
        if (until !== undefined && text.includes(until)) return { text, ended: false };
        const { value, done } = await reader.read();
        if (done) return { text, ended: true };
        text += value;
      }
    },
    hangUp: () => over.abort(),
  };
}
const plan = async (environment: string): Promise<string> => {
  const { json } = await service.ask('POST /v1/actions/plan', { token: BOOTSTRAP, body: { ...START, environment } });
  return String(json['plan_id']);
};
const change = (id: string, body: object) => service.ask(`PATCH /v1/people/${id}`, { token: BOOTSTRAP, body });

it('tells nothing more of an environment that was taken away, and goes on with the rest', async () => {
  const { id, browser } = await join(service, BOOTSTRAP, 'ana', { '*': 'viewer' });
  const open = await stream({ Cookie: browser.cookie });
  const before = await plan('lab');
  await open.read(before);
  await change(id, { grants: { other: 'viewer' } });
  const [hidden, shown] = [await plan('lab'), await plan('other')];
  const { text } = await open.read(shown);
  expect(text).not.toContain(hidden);
  open.hangUp();
});

it.each<[string, (who: { id: string; name: string; browser: Browser }) => Promise<unknown>]>([
  ['is disabled', ({ id }) => change(id, { disabled: true })],
  ['has signed out', ({ browser }) => browser.ask('DELETE /v1/session')],
  [
    'has changed the password elsewhere',
    async ({ name }) => {
      const other = new Browser(service);
      await other.signIn(name, PASSWORD);
      await other.ask('PUT /v1/me/password', { password: 'another-harbour-58', current_password: PASSWORD });
    },
  ],
])('ends for who %s, also when nothing happens', async (what, end) => {
  const name = what.replaceAll(' ', '-').slice(0, 32);
  const { id, browser } = await join(service, BOOTSTRAP, name, { '*': 'admin' });
  const open = await stream({ Cookie: browser.cookie });
  await open.read(': still here');
  await end({ id, name, browser });
  expect((await open.read()).ended).toBe(true);
});

it('keeps no session alive, and is no use of a token', async () => {
  const { browser } = await join(service, BOOTSTRAP, 'idle', { '*': 'viewer' });
  const made = { name: 'reader', role: 'viewer', class: 'service' };
  const token = await service.ask('POST /v1/tokens', { token: BOOTSTRAP, body: made });
  const open = await stream({ Cookie: browser.cookie });
  const other = await stream({ Authorization: `Bearer ${String(token.json['token'])}` });
  await other.read(': still here');
  const used = async (): Promise<unknown> => {
    const { tokens } = (await service.ask('GET /v1/tokens', { token: BOOTSTRAP })).json as {
      tokens: { id: string; last_used_at: string }[];
    };
    return tokens.find(({ id }) => id === token.json['id'])?.last_used_at;
  };
  const first = await used();
  // Half the time that a session lasts unused, an event and some pauses, and the other half.
  moved.advance(6 * 3_600_000);
  const seen = await plan('lab');
  await open.read(seen);
  await other.read(seen);
  moved.advance(6 * 3_600_000);
  expect((await open.read()).ended).toBe(true);
  expect(await used()).toBe(first);
  other.hangUp();
});

it('ends with a token that is revoked', async () => {
  const token = await service.token('viewer', 'agent');
  const { id } = (await service.ask('GET /v1/me', { token })).json;
  const open = await stream({ Authorization: `Bearer ${token}` });
  await open.read(': still here');
  await service.ask(`DELETE /v1/tokens/${String(id)}`, { token: BOOTSTRAP });
  expect((await open.read()).ended).toBe(true);
});
