import type { JsonSchema } from '../model.ts';
import { usage } from '../problem.ts';
import { kindOf, typesOf } from './schema.ts';

/** The text of a flag as the value that its schema asks for; the server checks the rest. Errors: `VALIDATION_FAILED`. */
export function parseValue(flag: string, text: string, schema: JsonSchema): unknown {
  const types = typesOf(schema);
  if (types.includes('array'))
    return text.startsWith('[') ? json(flag, text) : [parseValue(flag, text, schema.items ?? {})];
  if (schema.enum !== undefined && !schema.enum.map(String).includes(text))
    throw usage(`${flag} must be ${kindOf(schema)}.`);
  if (types.includes('string')) return text;
  if (types.includes('boolean') && /^(true|false)$/.test(text)) return text === 'true';
  if (types.includes('integer') || types.includes('number')) return number(flag, text, types.includes('number'));
  if (types.includes('boolean')) throw usage(`${flag} must be true or false, or stand alone.`);
  return json(flag, text);
}

function number(flag: string, text: string, fractions: boolean): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || (!fractions && !Number.isSafeInteger(value)))
    throw usage(`${flag} must be ${fractions ? 'a number' : 'a whole number'}.`);
  return value;
}

/** Errors name the place, not the text. */
export function json(where: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw usage(`${where} is not JSON.`);
  }
}

export function jsonObject(where: string, text: string): Record<string, unknown> {
  const value = json(where, text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw usage(`${where} must be a JSON object.`);
  return value as Record<string, unknown>;
}
