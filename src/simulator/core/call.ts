import type { Method } from '../schema/schema.ts';
import type { Value, Values } from '../schema/validate.ts';
import type { Upload } from '../storage/names.ts';
import type { World } from './world.ts';

/** Who calls. `root` is root@pam with a ticket: what some parameters ask for (FACTS 24). */
export interface Principal {
  /** `alice@pve`. */
  readonly user: string;
  /** Token id without the user. */
  readonly token?: string;
  /** As it stands in UPIDs: `alice@pve` or `alice@pve!ro`. */
  readonly name: string;
  readonly root: boolean;
  /** The HA manager itself: what it does is not handed to the HA manager again. */
  readonly ha?: boolean;
}

/** The parameters of a call: path, query and body together, checked against the schema. */
export class Params {
  readonly values: Values;

  constructor(values: Values) {
    this.values = values;
  }
  has(name: string): boolean {
    return this.values[name] !== undefined;
  }
  raw(name: string): Value | undefined {
    return this.values[name];
  }
  /** A parameter that the schema makes sure is there. */
  text(name: string): string {
    return String(this.values[name]);
  }
  number(name: string): number {
    return Number(this.values[name]);
  }
  maybe(name: string): string | undefined {
    const value = this.values[name];
    return value === undefined ? undefined : String(value);
  }
  maybeNumber(name: string): number | undefined {
    const value = this.values[name];
    return value === undefined ? undefined : Number(value);
  }
  flag(name: string, otherwise = false): boolean {
    const value = this.values[name];
    return value === undefined ? otherwise : Number(value) === 1;
  }
  /** Everything but the named ones, in the order given by the caller. */
  without(...names: readonly string[]): [string, Value][] {
    return Object.entries(this.values).filter(([name]) => !names.includes(name));
  }
}

export interface Call {
  readonly world: World;
  readonly principal: Principal;
  readonly method: Method;
  /** As requested, for messages. */
  readonly path: string;
  /** The node that answers: the one of the path, else the one that was asked. */
  readonly node: string;
  readonly params: Params;
  /** The file that came along. */
  readonly upload?: Upload;
}

/** Answers `data`, or a `Beside`; throws `PveError`. */
export type Handler = (call: Call) => unknown;

/** By "METHOD /path/{pattern}", as in the schema. */
export type Routes = Readonly<Record<string, Handler>>;

/** An answer with members beside `data`, such as `total` (FACTS 10), or a text instead of JSON. */
export class Beside {
  readonly data: unknown;
  readonly more: Readonly<Record<string, unknown>>;

  constructor(data: unknown, more: Readonly<Record<string, unknown>>) {
    this.data = data;
    this.more = more;
  }
}

export class PlainText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
