/**
 * How domain values stand in columns, the same on every database: JSON as text, times as integer milliseconds,
 * booleans as 0 and 1. Nothing else converts.
 */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Secrets turn into `[redacted]` here by themselves (kernel/secret.ts), so none reaches a column. */
export const toJson = (value: unknown): string => JSON.stringify(value) ?? 'null';

/** Undefined and null are an absent column. */
export const toJsonOrNull = (value: unknown): string | null =>
  value === undefined || value === null ? null : toJson(value);

export const fromJson = <T>(text: string): T => JSON.parse(text) as T;

export const fromJsonOrNull = <T>(text: string | null): T | null => (text === null ? null : fromJson<T>(text));

/** Who did something, as it is written to plans, approvals and the audit log. */
export interface Actor {
  readonly id: string;
  readonly class: 'human' | 'service' | 'agent' | 'system';
  /** The way in: `http`, `cli`, `mcp`, `schedule`, … */
  readonly via?: string;
  /** What people call it. */
  readonly name?: string;
  readonly [more: string]: unknown;
}
