/**
 * Replays scenarios recorded on a real cluster against the simulator in this process, by the rules of the recordings'
 * own replay: values that differ from run to run compare by shape, lists as sets.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ManualClock } from '../src/kernel/clock.ts';
import { seededIds } from '../src/kernel/ids.ts';
import { captureTime, Simulator, startServer, type RunningServer, type SimRequest } from '../src/simulator/index.ts';
import { withHistory, withoutUntold } from './golden-history.ts';
import { plainText, stable, type Asked } from './golden-volatile.ts';

export const SHARED = process.env.PVE_SHARED ?? join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'shared');
const PVE = join(SHARED, 'pve');
export const hasRecordings = existsSync(join(PVE, 'replay.mjs'));

interface Rules {
  norm(value: unknown): unknown;
  normText(text: string): string;
  diff(expected: unknown, actual: unknown, path?: string): string[];
}

interface Step {
  readonly name: string;
  readonly as?: string;
  readonly request: {
    method: string;
    path: string;
    query?: Params;
    body?: Params;
    json?: Params;
    ext?: string;
    headers?: Record<string, string>;
    raw?: string;
    rawRepeat?: { prefix?: string; char: string; count: number };
  };
  readonly response: { status: number; reason: string; body: unknown };
  readonly task?: { upid: string; status?: { exitstatus?: string } } | null;
  readonly refs?: readonly { value: string; from: string }[];
  readonly doubt?: string;
  readonly overlap?: boolean;
  readonly event?: { kind: string; node: string };
}
type Params = Readonly<Record<string, string | string[] | number | boolean>>;
interface Scenario {
  readonly name: string;
  readonly suite: string;
  readonly before: { capture: string };
  readonly after: { capture: string } | null;
  readonly steps: readonly Step[];
}

export interface Result {
  /** `suite/name`. */
  readonly name: string;
  /** By step name, and `after GET /path`: what differs; empty when it agrees. */
  readonly steps: Map<string, string[]>;
  readonly after: Map<string, string[]>;
}

const readJson = <T>(file: string): T => JSON.parse(readFileSync(file, 'utf8')) as T;
const capture = (id: string): Record<string, unknown> => readJson(join(PVE, 'golden', 'captures', `${id}.json`));

export const scenariosOf = (suite: string): string[] =>
  readdirSync(join(PVE, 'golden', suite))
    .filter((name) => name.endsWith('.json'))
    .map((name) => join(PVE, 'golden', suite, name));

export const loadRules = async (): Promise<Rules> =>
  (await import(pathToFileURL(join(PVE, 'replay.mjs')).href)) as Rules;

class Replay {
  readonly simulator: Simulator;
  readonly rules: Rules;
  readonly #before: Record<string, unknown>;
  /** Recorded UPIDs, digests and the like to this run's own. */
  readonly #map = new Map<string, string>();
  #server: RunningServer | undefined;

  constructor(before: Record<string, unknown>, rules: Rules) {
    this.#before = before;
    // A capture was made about a second before the first step.
    const clock = new ManualClock((captureTime(before) ?? 0) + 1_000);
    this.simulator = Simulator.fromCapture(before, { ids: seededIds('golden', clock), now: clock.now() });
    this.rules = rules;
  }

  #own(text: string): string {
    let out = text;
    for (const [recorded, own] of this.#map)
      out = out.replaceAll(recorded, own).replaceAll(encodeURIComponent(recorded), encodeURIComponent(own));
    return out;
  }

  learn(expected: unknown, actual: unknown): void {
    if (typeof expected === 'string' && typeof actual === 'string') {
      if (
        expected !== actual &&
        (/^UPID:|^[0-9a-f]{40}$|^[0-9a-f-]{36}$/.test(expected) || expected.includes('vzdump-'))
      )
        this.#map.set(expected, actual);
    } else if (Array.isArray(expected) && Array.isArray(actual) && expected.length === actual.length) {
      for (const [index, item] of expected.entries()) this.learn(item, actual[index]);
    } else if (expected !== null && actual !== null && typeof expected === 'object' && typeof actual === 'object') {
      for (const key of Object.keys(expected))
        this.learn((expected as Record<string, unknown>)[key], (actual as Record<string, unknown>)[key]);
    }
  }

  resolve(step: Step, answers: readonly unknown[]): void {
    for (const { value, from } of step.refs ?? []) {
      const [, index, pointer] = /^\/steps\/(\d+)\/response\/body(\/.*)?$/.exec(from) ?? [];
      if (index === undefined) continue;
      const keys = (pointer ?? '')
        .split('/')
        .slice(1)
        .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
      const got = keys.reduce<unknown>(
        (at, key) => (at as Record<string, unknown> | null | undefined)?.[key],
        answers[Number(index)],
      );
      if (typeof got === 'string' || typeof got === 'number') this.#map.set(value, String(got));
    }
  }

  send({ method, path, query = {}, body = {}, json = {} }: Step['request'], as = 'root@pam') {
    const params: Record<string, string | string[] | boolean> = {};
    for (const [name, value] of Object.entries({ ...query, ...body, ...json })) {
      params[name] = Array.isArray(value)
        ? value.map((item) => this.#own(item))
        : typeof value === 'boolean'
          ? value
          : this.#own(String(value));
    }
    const request: SimRequest = {
      method,
      path: this.#own(path),
      params,
      principal: as === 'none' ? '' : as.replace(/^token:/, ''),
    };
    return this.simulator.handle(request);
  }

  /** What only HTTP has, such as headers, other bodies and formatters, goes to a server in front of the simulator. */
  async sendHttp(request: Step['request'], as = 'root@pam') {
    const options = { simulator: this.simulator, clock: new ManualClock(), speed: 'manual', control: true } as const;
    this.#server ??= await startServer({ ...options, host: '127.0.0.1', port: 0 });
    const { method, path, query = {}, body = {}, json, raw, rawRepeat, ext = 'json', headers = {} } = request;
    const form = (fields: Params): string => {
      const out = new URLSearchParams();
      for (const [name, value] of Object.entries(fields))
        for (const one of [value].flat()) out.append(name, this.#own(String(one)));
      return out.toString();
    };
    const repeated = rawRepeat === undefined ? raw : (rawRepeat.prefix ?? '') + rawRepeat.char.repeat(rawRepeat.count);
    const text = json === undefined ? repeated : JSON.stringify(json);
    const typed = json === undefined ? 'application/x-www-form-urlencoded' : 'application/json';
    const sends = method === 'POST' || method === 'PUT';
    const answer = await fetch(`${this.#server.url}/api2/${ext}${this.#own(path)}?${form(query)}`, {
      method,
      headers: {
        ...(as === 'none' ? {} : { 'X-Simulator-As': as }),
        ...(sends && (repeated === undefined || json !== undefined) ? { 'Content-Type': typed } : {}),
        ...headers,
      },
      ...(text !== undefined ? { body: text } : sends ? { body: form(body) } : {}),
    });
    const received = await answer.text();
    let parsed: unknown = received === '' ? null : received;
    try {
      parsed = JSON.parse(received);
    } catch {
      // Not every answer is JSON.
    }
    return { status: answer.status, reason: answer.statusText, body: parsed };
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  async compareStep(step: Step, answers: unknown[]): Promise<string[]> {
    this.resolve(step, answers);
    const { headers, raw, rawRepeat, ext } = step.request;
    const overHttp = [headers, raw, rawRepeat, ext].some((one) => one !== undefined);
    const actual = overHttp ? await this.sendHttp(step.request, step.as) : this.send(step.request, step.as);
    answers.push(actual.body);
    const expected = step.response;
    this.learn(expected.body, actual.body);
    if (actual.status !== expected.status)
      return [`status ${expected.status} expected, got ${actual.status} ${JSON.stringify(actual.body)?.slice(0, 200)}`];
    if (expected.status !== 200 && this.text(actual.reason) !== this.text(expected.reason))
      return [`reason '${expected.reason}' expected, got '${actual.reason}'`];
    return this.compare(step.request, expected.body ?? null, actual.body ?? null, 'body');
  }

  text(text: string): string {
    return this.rules.normText(plainText(text));
  }

  /** What differs between two answers to the same call, in words; nothing when they agree. */
  compare(asked: Asked, expected: unknown, actual: unknown, name: string): string[] {
    const [recorded, own] = withoutUntold(this.#before, asked.path, [expected, actual]);
    return this.rules.diff(this.rules.norm(stable(asked, recorded)), this.rules.norm(stable(asked, own)), name);
  }

  exitstatus(upid: string): string {
    const node = upid.split(':')[1] ?? '';
    const { body } = this.simulator.handle({
      method: 'GET',
      path: `/nodes/${node}/tasks/${encodeURIComponent(upid)}/status`,
      params: {},
      principal: 'root@pam',
    });
    return (body as { data?: { exitstatus?: string } } | null)?.data?.exitstatus ?? '<still running>';
  }
}

export async function replay(file: string, rules: Rules): Promise<Result> {
  const scenario = readJson<Scenario>(file);
  const run = new Replay(withHistory(capture(scenario.before.capture), scenario.steps), rules);
  const result: Result = { name: `${scenario.suite}/${scenario.name}`, steps: new Map(), after: new Map() };
  const answers: unknown[] = [];
  let open: { upid: string; step: Step; notes: string[] }[] = [];
  const settle = (): void => {
    run.simulator.settleRunning();
    for (const { upid, step, notes } of open) {
      const [expected, actual] = [step.task?.status?.exitstatus ?? '', run.exitstatus(upid)];
      if (run.text(expected) !== run.text(actual)) notes.push(`task exit '${expected}' expected, got '${actual}'`);
    }
    open = [];
  };
  for (const step of scenario.steps) {
    if (step.event !== undefined) {
      if (step.event.kind === 'kill-node') run.simulator.killNode(step.event.node);
      else run.simulator.startNode(step.event.node);
      answers.push(null);
      continue;
    }
    const notes = await run.compareStep(step, answers);
    const upid = (answers.at(-1) as { data?: unknown } | null)?.data;
    if (step.task && typeof upid === 'string' && upid.startsWith('UPID:')) open.push({ upid, step, notes });
    if (step.overlap !== true) settle();
    if (step.doubt === undefined) result.steps.set(step.name, notes);
  }
  settle();
  compareAfter(scenario, run, result);
  await run.close();
  return result;
}

function compareAfter(scenario: Scenario, run: Replay, result: Result): void {
  for (const [key, expected] of Object.entries(scenario.after === null ? {} : capture(scenario.after.capture))) {
    const [path = '', query] = key.slice(4).split('?');
    const failed = expected !== null && typeof expected === 'object' && '__error' in expected;
    if (/^\/nodes\/[^/]+\/(?:status|time|tasks)/.test(path) || failed) continue;
    const { body } = run.send({ method: 'GET', path, query: Object.fromEntries(new URLSearchParams(query ?? '')) });
    const beside =
      expected !== null &&
      typeof expected === 'object' &&
      !Array.isArray(expected) &&
      'data' in expected &&
      ('total' in expected || 'changes' in expected);
    const actual = beside ? body : ((body as { data?: unknown } | null)?.data ?? null);
    result.after.set(key, run.compare({ method: 'GET', path }, expected, actual, ''));
  }
}
