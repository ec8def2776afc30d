import type { Command } from 'commander';
import { systemClock, type Clock } from '../../kernel/clock.ts';
import { AgentError } from '../../kernel/errors.ts';
import type { Ids } from '../../kernel/ids.ts';
import { Api, type Answer } from './api.ts';
import { findToken } from './credentials.ts';
import type { EnvironmentRow } from './model.ts';
import { usage } from './problem.ts';
import { clackPrompt, readAll, type Prompt } from './prompt.ts';
import { makeStyle, type Style } from './render/text.ts';
import type { CliDeps, Io } from './types.ts';

export interface GlobalOptions {
  readonly server?: string;
  readonly json?: boolean;
  readonly environment?: string;
  /** False with `--no-color`. */
  readonly color?: boolean;
}

export const DEFAULT_SERVER = 'http://127.0.0.1:8470';

/** What every command gets: where to ask, where to write, what time it is. */
export class Context {
  readonly io: Io;
  readonly root: Command;
  readonly json: boolean;
  readonly width: number;
  readonly style: Style;
  readonly clock: Clock;
  readonly prompt: Prompt;
  readonly options: GlobalOptions;
  readonly #ids: Ids | undefined;
  #api: Api | undefined;
  #stdin: Promise<string> | undefined;

  constructor(io: Io, deps: CliDeps, options: GlobalOptions, root: Command) {
    this.io = io;
    this.root = root;
    this.options = options;
    this.json = options.json === true;
    this.width = widthOf(io);
    this.style = makeStyle(colours(io, options));
    this.clock = deps.clock ?? systemClock;
    this.prompt = clackPrompt(io);
    this.#ids = deps.ids;
  }

  get api(): Api {
    this.#api ??= new Api(this.serverUrl, findToken(this.io.env));
    return this.#api;
  }

  get serverUrl(): string {
    return this.options.server ?? (this.io.env['PROXMOX_AGENT_URL'] || DEFAULT_SERVER);
  }

  /** A person who can be asked. A program that reads JSON is not one. */
  get canAsk(): boolean {
    return this.io.isTTY && !this.json;
  }

  async ids(): Promise<Ids> {
    return this.#ids ?? (await import('../../kernel/ids.ts')).systemIds(this.clock);
  }

  print(lines: string | readonly string[]): void {
    for (const line of [lines].flat()) this.io.stdout.write(`${line}\n`);
  }

  /** Beside the result: what is going on, for people. */
  note(text: string): void {
    this.io.stderr.write(`${text}\n`);
  }

  /** The API's own JSON for programs, else what `render` makes of it. */
  async show<T>(answer: Answer<T>, render: (body: T) => readonly string[] | Promise<readonly string[]>): Promise<void> {
    if (this.json) this.print(answer.text === '' ? '{}' : answer.text.trimEnd());
    else this.print(await render(answer.body));
  }

  /** The standard input; it can be used for one thing only. */
  async stdin(purpose: string): Promise<string> {
    if (this.#stdin !== undefined)
      throw usage(`${purpose}: the standard input ("-") was already used for something else.`);
    this.#stdin = readAll(this.io.stdin);
    return this.#stdin;
  }

  /** The one that was named, else the only one there is. Errors: `VALIDATION_FAILED` naming them, `NOT_FOUND`. */
  async environment(): Promise<string> {
    const named = this.options.environment ?? (this.io.env['PROXMOX_AGENT_ENVIRONMENT'] || undefined);
    if (named !== undefined) return named;
    const { environments } = (await this.api.get<{ environments: EnvironmentRow[] }>('/v1/environments')).body;
    const [only, ...others] = environments;
    if (only === undefined)
      throw new AgentError('NOT_FOUND', 'No environment is configured, or your token may use none.');
    if (others.length > 0)
      throw usage(`Which environment? Add -e with one of ${environments.map(({ name }) => name).join(', ')}.`);
    return only.name;
  }
}

function widthOf({ stdout, env }: Io): number {
  const width = stdout.columns ?? Number(env['COLUMNS']);
  return Number.isInteger(width) && width >= 40 ? width : 80;
}

const colours = ({ isTTY, env }: Io, { color }: GlobalOptions): boolean =>
  isTTY && color !== false && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
