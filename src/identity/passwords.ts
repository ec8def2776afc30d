import { AgentError } from '../kernel/errors.ts';

/** argon2id as OWASP's first choice for 19 MiB: some 30 ms of one core on small machines. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
const LEAST = 12;
const MOST = 256;

/** Somebody's hash whom there is not: a name that is unknown costs the same time as one that is known. */
const NOBODY = '$argon2id$v=19$m=19456,t=2,p=1$c29tZWJvZHktZWxzZSdz$Kc0nOEDsmpNnfFKPtZ3ltMIlZ1Gn4kC4mLdBGc0oUDo';

/** What comes up in every list of leaked passwords and is long enough to pass otherwise, without digits at the end. */
const COMMON = [
  'password',
  'passwordpassword',
  'adminadmin',
  'administrator',
  'changeme',
  'changemechangeme',
  'correcthorsebatterystaple',
  'iloveyou',
  'iloveyouforever',
  'letmein',
  'letmeinletmein',
  'proxmox',
  'proxmoxagent',
  'proxmoxproxmox',
  'qwerty',
  'qwertyuiop',
  'qwertyuiopasdfghjkl',
  'qwertyqwerty',
  'qazwsxedcrfv',
  'asdfghjkl',
  'zxcvbnm',
  'welcome',
  'welcomewelcome',
  'rootroot',
  'rootrootroot',
  'superman',
  'sunshine',
  'football',
  'baseball',
  'homelab',
  'homelabhomelab',
  'abcdefghijkl',
  'abcdefghijklmnopqrstuvwxyz',
  'trustno',
  'princess',
  'dragon',
  'monkey',
];
const RUNS = ['01234567890123456789', '09876543210987654321', '1q2w3e4r5t6y7u8i9o0p', '1qaz2wsx3edc4rfv5tgb6yhn'];

const plain = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[\s._-]/g, '');
const stem = (text: string): string => text.replace(/^[\d\W]+/, '').replace(/[\d\W]+$/, '');
const leet = (text: string): string =>
  text
    .replaceAll('0', 'o')
    .replaceAll('1', 'i')
    .replaceAll('3', 'e')
    .replaceAll('4', 'a')
    .replaceAll('@', 'a')
    .replaceAll('$', 's');

/** Why a password is not taken, for whom it would be; undefined for one that is. */
export function weakness(password: string, names: readonly string[]): string | undefined {
  const { length } = password;
  if (length < LEAST) return `must have ${LEAST} characters or more`;
  if (length > MOST) return `must have ${MOST} characters at the most`;
  const bare = plain(password);
  if (new Set(bare).size < 5) return 'repeats the same few characters';
  if (/^\d+$/.test(bare)) return 'must not be digits alone';
  if (RUNS.some((run) => run.includes(bare))) return 'is a row of the keyboard';
  const words = [bare, stem(bare), leet(bare), stem(leet(bare)), leet(stem(bare))];
  const own = names.map(plain).filter((name) => name !== '');
  if (own.some((name) => words.some((word) => word === name || word === name + name)))
    return 'is your name; choose something that nobody would try';
  if (COMMON.some((word) => words.includes(word))) return 'is one of the most common passwords';
  return undefined;
}

/** Errors: `VALIDATION_FAILED` saying what is wrong with it. */
export function requireStrong(password: string, names: readonly string[]): void {
  const why = weakness(password, names);
  if (why !== undefined)
    throw new AgentError('VALIDATION_FAILED', `The password ${why}.`, { errors: { password: why } });
}

/** In the PHC string format, with its salt and cost. */
export async function hashPassword(password: string): Promise<string> {
  const { hash } = await import('@node-rs/argon2');
  return hash(password.normalize('NFKC'), COST);
}

/** Whether this is the password; without one to compare with it takes as long and says no. */
export async function passwordFits(stored: string | null | undefined, password: string): Promise<boolean> {
  const { verify } = await import('@node-rs/argon2');
  // Longer ones were never taken, and would only cost time.
  const given = password.slice(0, MOST * 2).normalize('NFKC');
  const fits = await verify(stored ?? NOBODY, given);
  return fits && stored !== null && stored !== undefined;
}
