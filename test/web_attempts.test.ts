import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formMemory, withAttempts } from '../web/src/api/attempts.ts';
import { Problem, type Client } from '../web/src/api/client.ts';

const FATES = ['answered', 'cut off', 'not sent', 'refused', 'limited', 'busy'] as const;
type Fate = (typeof FATES)[number];
const refusal = (status: number, code: string): Problem => new Problem(status, { code });

/** A server that keeps the first answer of each key, behind a network that loses some. */
function server() {
  const answers = new Map<string, number>();
  const keys: string[] = [];
  let fate: Fate = 'answered';
  let made = 0;
  const post = async (path: string, body?: unknown, key = ''): Promise<number> => {
    keys.push(key);
    if (fate === 'not sent') throw refusal(0, 'SERVER_UNREACHABLE');
    if (fate === 'limited') throw refusal(429, 'RATE_LIMITED');
    if (fate === 'busy') throw refusal(409, 'TARGET_BUSY');
    const name = `${key} ${path} ${JSON.stringify(body)}`;
    if (fate === 'refused' && !answers.has(name)) throw refusal(400, 'VALIDATION_FAILED');
    const answer = answers.get(name) ?? ++made;
    answers.set(name, answer);
    if (fate === 'cut off') throw refusal(0, 'SERVER_UNREACHABLE');
    return answer;
  };
  return { keys, made: () => made, meets: (next: Fate) => (fate = next), client: { post } as unknown as Client };
}

describe('what is sent again because its answer was lost', () => {
  const attempt = fc.record({ what: fc.constantFrom('a', 'b'), fate: fc.constantFrom(...FATES) });

  it('is made once, and every success is of something new', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(attempt, { maxLength: 30 }), async (attempts) => {
        const there = server();
        let keys = 0;
        const client = withAttempts(there.client, formMemory(), () => `k${++keys}`);
        const open = new Map<string, boolean>();
        const seen: number[] = [];
        let expected = 0;
        for (const { what, fate } of attempts) {
          there.meets(fate);
          const got = await client.post<number>('/v1/changes', { what }).catch(() => undefined);
          const before = open.get(what) ?? false;
          const works = fate === 'answered' || fate === 'cut off';
          if (works && !before) expected++;
          const answered = fate === 'answered' || (fate === 'refused' && before);
          expect(got !== undefined).toBe(answered);
          if (answered) open.clear();
          else if (fate === 'refused') open.delete(what);
          else open.set(what, before || works);
          if (got !== undefined) seen.push(got);
          expect(there.made()).toBe(expected);
        }
        expect(new Set(seen).size).toBe(seen.length);
      }),
    );
  });

  it('goes under a new key after a success, a refusal, and for other content', async () => {
    const there = server();
    const client = withAttempts(there.client, formMemory());
    const send = (what: string, fate: Fate) => {
      there.meets(fate);
      return client.post('/v1/people', { what }).catch(() => undefined);
    };
    await send('a', 'cut off');
    await send('b', 'cut off');
    await send('a', 'limited');
    await send('a', 'answered');
    await send('a', 'refused');
    await send('a', 'answered');
    const [a, b, limited, answered, refused, last] = there.keys;
    expect([limited, answered]).toEqual([a, a]);
    expect(new Set([a, b, refused, last]).size).toBe(4);
    for (const key of there.keys) expect(key).toMatch(/^[0-9a-f]{32}$/);
  });

  it('is known after a reload where its memory is', async () => {
    const there = server();
    const memory = formMemory();
    there.meets('cut off');
    await withAttempts(there.client, memory)
      .post('/v1/changes', { title: 'x' })
      .catch(() => undefined);
    there.meets('answered');
    expect(await withAttempts(there.client, memory).post('/v1/changes', { title: 'x' })).toBe(1);
    expect(there.made()).toBe(1);
    expect(memory.read()).toEqual({});
  });
});
