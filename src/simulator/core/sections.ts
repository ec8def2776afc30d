import { SECTION_FILES } from '../state/section-files.ts';
import { sha1 } from '../state/guests.ts';
import type { Call, Handler, Routes } from './call.ts';
import { fail, type PveError } from './errors.ts';

export type Section = Record<string, unknown>;

/** What is particular to one kind of section. */
export interface SectionKind {
  /** A name in `SECTION_FILES`. */
  readonly file: string;
  /** Where a new one is made: at the list, with its name as a parameter, or at its own path. */
  readonly madeAt: 'list' | 'item';
  readonly taken: (id: string) => PveError;
  readonly missing: (id: string) => PveError;
  /** Kept, but never shown. */
  readonly secret?: readonly string[];
  /** What is shown in place of some of its fields. */
  readonly masked?: (section: Section) => Section;
  /** Sections that are there without being written down. */
  readonly builtIn?: Readonly<Record<string, Section>>;
  /** Refuses what does not fit together; `old` is what there was. */
  readonly check?: (call: Call, values: Section, old: Section | undefined) => void;
  readonly checkRemoval?: (call: Call, id: string) => void;
  /** More that a list says of a section. */
  readonly listed?: (call: Call, id: string, section: Section) => Section;
}

const META = ['digest', 'delete', 'node'];

/** All sections of a file by id, those that are not written down first. */
export function sectionsOf({ world }: Call, file: string, builtIn: SectionKind['builtIn'] = {}): Map<string, Section> {
  const out = new Map(Object.entries(builtIn));
  for (const [key, section] of world.state.sections)
    if (key.startsWith(`${file}/`)) out.set(key.slice(file.length + 1), section);
  return out;
}

const digestOf = (call: Call, { file, builtIn }: SectionKind): string =>
  sha1(JSON.stringify([...sectionsOf(call, file, builtIn)]));

function listOf(call: Call, name: string): string[] {
  const value = call.params.raw(name) ?? [];
  return (typeof value === 'object' ? value.map(String) : String(value).split(/[,; ]+/)).filter(Boolean);
}

function update(call: Call, kind: SectionKind, key: string): null {
  const { params, world } = call;
  const id = params.text(key);
  const digest = params.maybe('digest');
  if (digest !== undefined && digest !== digestOf(call, kind))
    throw fail('detected modified configuration - file changed by other user? Try again.');
  const old = sectionsOf(call, kind.file, kind.builtIn).get(id);
  if (old === undefined) throw kind.missing(id);
  const values = Object.fromEntries(params.without(key, ...META));
  kind.check?.(call, values, old);
  const next: Section = { ...old };
  for (const name of listOf(call, 'delete')) delete next[name];
  world.state.sections.set(`${kind.file}/${id}`, Object.assign(next, values));
  return null;
}

function create(call: Call, kind: SectionKind, key: string): null {
  const { params, world } = call;
  const id = params.text(key);
  if (sectionsOf(call, kind.file, kind.builtIn).has(id)) throw kind.taken(id);
  const values = Object.fromEntries(params.without(key, ...META));
  kind.check?.(call, values, undefined);
  world.state.sections.set(`${kind.file}/${id}`, values);
  return null;
}

/** The calls that list, make, read, change and delete the sections of one file. */
export function sectionRoutes(kind: SectionKind): Routes {
  const { list: base, key } = SECTION_FILES[kind.file] ?? { list: '', key: '' };
  const shown = (section: Section): Section => ({
    ...Object.fromEntries(Object.entries(section).filter(([name]) => kind.secret?.includes(name) !== true)),
    ...kind.masked?.(section),
  });
  const all = (call: Call): Map<string, Section> => sectionsOf(call, kind.file, kind.builtIn);
  const item: Handler = (call) => {
    const id = call.params.text(key);
    const section = all(call).get(id);
    if (section === undefined) throw kind.missing(id);
    return { ...shown(section), [key]: id, digest: digestOf(call, kind) };
  };
  const remove: Handler = (call) => {
    const id = call.params.text(key);
    if (!all(call).has(id)) throw kind.missing(id);
    kind.checkRemoval?.(call, id);
    call.world.state.sections.delete(`${kind.file}/${id}`);
    return null;
  };
  return {
    [`GET ${base}`]: (call) =>
      [...all(call)].map(([id, section]) => ({
        ...shown(section),
        [key]: id,
        ...kind.listed?.(call, id, section),
      })),
    [`POST ${base}${kind.madeAt === 'list' ? '' : `/{${key}}`}`]: (call) => create(call, kind, key),
    [`GET ${base}/{${key}}`]: item,
    [`PUT ${base}/{${key}}`]: (call) => update(call, kind, key),
    [`DELETE ${base}/{${key}}`]: remove,
  };
}
