import { fail } from './errors.ts';

/** The options of one type of section in one of PVE's configuration files (storages, realms). */
export interface TypeOptions {
  /** Must be given when a section is made. */
  readonly required: readonly string[];
  /** Cannot be changed afterwards; those that are not required need not be given. */
  readonly fixed: readonly string[];
  readonly optional: readonly string[];
}

/** Throws PVE's words when an option does not belong to the type, is missing, or can no longer be changed. */
export function checkOptions(
  options: TypeOptions | undefined,
  values: Readonly<Record<string, unknown>>,
  create: boolean,
): void {
  if (options === undefined) return;
  const { required, fixed, optional } = options;
  for (const key of Object.keys(values)) {
    if (!create && fixed.includes(key)) throw fail(`can't change value of fixed parameter '${key}'`);
    if (![required, fixed, optional].some((names) => names.includes(key))) throw fail(`unexpected property '${key}'`);
  }
  const missing = create ? required.find((key) => values[key] === undefined) : undefined;
  if (missing !== undefined) throw fail(`missing value for required option '${missing}'`);
}

/** The same for options that are to go. */
export function checkRemoval(
  options: TypeOptions | undefined,
  remove: readonly string[],
  values: Readonly<Record<string, unknown>>,
): void {
  if (options === undefined) return;
  for (const key of remove) {
    if (![options.required, options.fixed, options.optional].some((names) => names.includes(key)))
      throw fail(`no such option '${key}'`);
    if (options.required.includes(key)) throw fail(`unable to delete required option '${key}'`);
    if (options.fixed.includes(key)) throw fail(`unable to delete fixed option '${key}'`);
    if (values[key] !== undefined) throw fail(`cannot set and delete property '${key}' at the same time!`);
  }
}
