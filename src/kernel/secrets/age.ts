import { readFileSync } from 'node:fs';
import { armor, Decrypter } from 'age-encryption';
import { AgentError } from '../errors.ts';
import type { Secret } from '../secret.ts';

const refuse = (message: string): AgentError => new AgentError('CONFIGURATION_INVALID', message);

/** The text of a file that age encrypted, armoured or not: `age:FILE`. Errors: `CONFIGURATION_INVALID`. */
export async function readAge(identity: Secret, reference: string): Promise<string> {
  const bytes = read(reference.slice('age:'.length));
  const decrypter = new Decrypter();
  const keys = identity
    .reveal()
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  try {
    for (const key of keys) decrypter.addIdentity(key);
  } catch {
    throw refuse('the identity is not one of age (AGE-SECRET-KEY-1…).');
  }
  try {
    const text = Buffer.from(bytes).toString('latin1');
    const file = text.startsWith('-----BEGIN AGE') ? armor.decode(text) : bytes;
    return (await decrypter.decrypt(file, 'text')).trim();
  } catch {
    // The library's words may tell of the content; that it does not open is all there is to know.
    throw refuse('the file cannot be decrypted with the configured identity.');
  }
}

function read(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw refuse(`the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}).`);
  }
}
