import { afterAll, beforeAll, expect, it } from 'vitest';
import { bodyLines, statuses, World } from './adversary.ts';

/** What is no HTTP that a client would send, for what stands in between may read it otherwise than we do. */
let world: World;
beforeAll(async () => {
  world = await World.start();
});
afterAll(() => world.service.close());

const human = () => world.service.token('approver');
const head = () => [`POST ${world.path()} HTTP/1.1`, 'Host: localhost', 'Content-Type: application/json'];
const json = () => `{"plan_hash":"${world.plan.plan_hash}"}`;
const nothingLetIn = async (lines: readonly string[]): Promise<void> => {
  const before = await world.state();
  const found = statuses(await world.raw(lines));
  expect(found.length).toBeGreaterThan(0);
  for (const status of found) expect(status).toBeGreaterThanOrEqual(400);
  expect(await world.state()).toBe(before);
};

it('Authorization twice, in either order', async () => {
  const other = await human();
  const both = [`Authorization: Bearer ${world.agent}`, `Authorization: Bearer ${other}`];
  for (const lines of [both, both.toReversed(), [`${both[0]}, Bearer ${other}`], [`${both[1]}, Bearer ${world.agent}`]])
    await nothingLetIn([...head(), ...lines, 'Connection: close', ...bodyLines(json())]);
});

it('a length and chunks at once, in either order', async () => {
  const inner = [
    `POST ${world.path()} HTTP/1.1`,
    'Host: localhost',
    `Authorization: Bearer ${world.agent}`,
    'Connection: close',
    ...bodyLines(json()),
  ].join('\r\n');
  for (const lines of [
    [`Content-Length: ${inner.length + 5}`, 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: chunked', 'Content-Length: 4'],
    ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity', 'Content-Length: 4'],
    ['Transfer-Encoding: xchunked', 'Content-Length: 4'],
    ['Transfer-Encoding : chunked', 'Content-Length: 4'],
    ['Transfer-Encoding: chunked, identity', 'Content-Length: 4'],
    ['Content-Length: 4', 'Content-Length: 40'],
    ['Content-Length: +4'],
    ['Content-Length: 4, 4'],
  ])
    await nothingLetIn([...head(), `Authorization: Bearer ${world.agent}`, ...lines, '', `0\r\n\r\n${inner}`]);
});

it('a header that goes on in the next line, or hides in another', async () => {
  const other = await human();
  for (const lines of [
    [`Authorization: Bearer`, ` ${other}`],
    [`X-Note: a`, `\tAuthorization: Bearer ${other}`],
    [`X-Note: a\nAuthorization: Bearer ${other}`],
    [`X-Note: a\rAuthorization: Bearer ${other}`],
    [`Authorization : Bearer ${other}`],
    [`Authorization\0: Bearer ${other}`],
    [`Authorization: Bearer ${world.agent}\0${other}`],
  ])
    await nothingLetIn([...head(), ...lines, 'Connection: close', ...bodyLines(json())]);
});

it('a second request behind the first is judged by itself', async () => {
  const other = await human();
  const first = ['GET /v1/me HTTP/1.1', 'Host: localhost', `Authorization: Bearer ${other}`, '', ''].join('\r\n');
  const second = [...head(), 'Connection: close', ...bodyLines(json())].join('\r\n');
  const before = await world.state();
  expect(statuses(await world.raw([first + second]))).toEqual([200, 401]);
  expect(await world.state()).toBe(before);
});
