import type { Clock } from '../../kernel/clock.ts';
import type { Ids } from '../../kernel/ids.ts';

/** Where the text goes: a process's own streams, or a test's. */
export type TextOutput = NodeJS.WritableStream & { readonly columns?: number };

export interface Io {
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  readonly stdin: NodeJS.ReadableStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A person sits there: colours, live progress and questions are in order. */
  readonly isTTY: boolean;
}

/** What this room does not contain: commands that are programs of their own, and time and chance. */
export interface CliDeps {
  readonly serve?: (argv: string[]) => Promise<number>;
  readonly simulator?: (argv: string[]) => Promise<number>;
  /** The machine's own when absent. */
  readonly clock?: Clock;
  readonly ids?: Ids;
}
