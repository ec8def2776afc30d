/**
 * The walls of the house: each room's README says in one line what it may import; this checks every import of every
 * file against it. A room is imported by its index only, except its tests and type-only files that a room names.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { filesBelow, ROOT } from './files.ts';

const ROOMS = [
  'kernel',
  'store',
  'record',
  'identity',
  'proxmox',
  'simulator',
  'actions',
  'estate',
  'operations',
  'changes',
  'surfaces',
] as const;
/** Files that other rooms may name beside the index: the contract of actions and the shapes of PVE's API. */
const OPEN_FILES = new Set(['src/actions/define.ts', 'src/proxmox/types.ts']);
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?['"](\.[^'"]+)['"]|import\(\s*['"](\.[^'"]+)['"]\s*\)/g;

interface Allowed {
  readonly values: ReadonlySet<string>;
  readonly types: ReadonlySet<string>;
}

function allowed(room: string): Allowed | string {
  const readme = join(ROOT, 'src', room, 'README.md');
  if (!existsSync(readme)) return `src/${room} has no README.md`;
  const line = /^May import: (.+)$/m.exec(readFileSync(readme, 'utf8').replace(/\n(?=[a-z(])/g, ' '))?.[1];
  if (line === undefined) return `src/${room}/README.md has no line "May import: …"`;
  const names = line
    .split(/[,.]/)
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'nothing');
  const types = names
    .filter((name) => name.endsWith('(types only)'))
    .map((name) => name.replace(/ \(types only\)$/, ''));
  return { values: new Set(names.filter((name) => !name.endsWith('(types only)'))), types: new Set(types) };
}

const roomOf = (file: string): string | undefined => /^src\/([^/]+)\//.exec(file)?.[1];

/** Everything that is wrong, one sentence each. */
export function wallBreaches(): string[] {
  const found: string[] = [];
  const rules = new Map<string, Allowed>();
  for (const room of ROOMS) {
    const rule = allowed(room);
    if (typeof rule === 'string') found.push(rule);
    else rules.set(room, rule);
  }
  for (const file of filesBelow('src', '.ts')) found.push(...breachesIn(file, rules));
  for (const file of existsSync(join(ROOT, 'web/src'))
    ? [...filesBelow('web/src', '.ts'), ...filesBelow('web/src', '.tsx')]
    : []) {
    if (/from ['"][^'"]*\/src\/(?!\.)/.test(readFileSync(join(ROOT, file), 'utf8').replace(/@\/|\.\/src/g, '')))
      found.push(`${file} imports from src: the page talks HTTP only`);
  }
  return found;
}

function breachesIn(file: string, rules: ReadonlyMap<string, Allowed>): string[] {
  const room = roomOf(file);
  if (room === undefined) return []; // the composition root knows all rooms
  const rule = rules.get(room);
  if (rule === undefined) return [`${file}: src/${room} is not one of the rooms of the house`];
  const isTest = /(\.test|\.testing|\/testing(_\w+)?)\.ts$/.test(file) || file.includes('/bench');
  return imports(file).flatMap(({ target, typeOnly }) => {
    const other = roomOf(target);
    if (other === undefined && isTest) return [];
    if (other === undefined) return [`${file} imports ${target}: a room never imports the composition root`];
    if (other === room) return [];
    const mayUse = rule.values.has(other) || (typeOnly && rule.types.has(other));
    if (!mayUse && !isTest)
      return [`${file} imports ${target}: ${room} may not import ${typeOnly ? 'types of ' : ''}${other}`];
    const byIndex = other === 'kernel' || target === `src/${other}/index.ts` || OPEN_FILES.has(target) || isTest;
    return byIndex ? [] : [`${file} imports ${target}: import src/${other}/index.ts instead`];
  });
}

function imports(file: string): { target: string; typeOnly: boolean }[] {
  const source = readFileSync(join(ROOT, file), 'utf8');
  return [...source.matchAll(IMPORT)].map((match) => ({
    target: relative(ROOT, normalize(join(ROOT, dirname(file), match[2] ?? match[3] ?? ''))),
    typeOnly: match[1] !== undefined,
  }));
}
