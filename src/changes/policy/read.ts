import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isScalar, type Scalar } from 'yaml';
import { z } from 'zod';
import { AgentError } from '../../kernel/errors.ts';
import { fit, type Misfit } from '../../kernel/fit.ts';
import { YamlSource, type YamlPath } from '../../kernel/yaml_source.ts';
import { ExpressionError } from './expression.ts';
import { ruleSchema, ruleSetBy, type Compiler, type Rule, type RuleSet } from './rules.ts';

export interface PolicyFile {
  readonly name: string;
  readonly text: string;
}

/** One thing that is wrong; line and column count from 1. */
interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly what: string;
}

/** More than this nobody reads at once. */
const MAX_PROBLEMS = 20;
/** Letters of one problem; a value that is quoted in it may be of any length. */
const MAX_WORDS = 300;
const EXAMPLES = /\.test\.ya?ml$/;

/**
 * The files of a policy: the one named, or the `.yaml` files of a folder in the order of their names; `*.test.yaml` are
 * examples and left out. Errors: `POLICY_INVALID` when it cannot be read or there is none.
 */
export function policyFiles(path: string): PolicyFile[] {
  try {
    if (!statSync(path).isDirectory()) return [{ name: basename(path), text: readFileSync(path, 'utf8') }];
    const names = readdirSync(path)
      .filter((name) => /\.ya?ml$/.test(name) && !EXAMPLES.test(name))
      .sort();
    if (names.length > 0) return names.map((name) => ({ name, text: readFileSync(join(path, name), 'utf8') }));
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new AgentError('POLICY_INVALID', `The policy ${path} cannot be read (${code}).`);
  }
  throw new AgentError('POLICY_INVALID', `The folder ${path} has no file that ends in .yaml.`);
}

/**
 * All rules of all files, checked. `environments`, when given, are those that rules may name.
 * Errors: `POLICY_INVALID` with each problem's file, line and column.
 */
export async function readRules(files: readonly PolicyFile[], environments?: readonly string[]): Promise<RuleSet> {
  const compiler = await import('./cel.ts');
  const problems: Problem[] = [];
  const rules: Rule[] = [];
  const seen = new Map<string, string>();
  for (const file of files) {
    const source = new Source(file, problems);
    for (const { path, rule } of source.rules()) {
      const other = seen.get(rule.id);
      if (other !== undefined) source.problem([...path, 'id'], `the id ${rule.id} is used already, in ${other}`);
      seen.set(rule.id, `${file.name}:${source.lineOf([...path, 'id'])}`);
      source.checkExpression([...path, 'when'], rule, compiler.compileExpression);
      for (const [at, name] of (rule.environments ?? []).entries())
        if (environments !== undefined && !environments.includes(name))
          source.problem(
            [...path, 'environments', at],
            `there is no environment ${name}; configured: ${environments.join(', ')}`,
          );
      rules.push(rule);
    }
  }
  if (problems.length > 0) throw refusal(problems);
  return ruleSetBy(compiler, rules);
}

function refusal(problems: readonly Problem[]): AgentError {
  const shown = problems.slice(0, MAX_PROBLEMS);
  const more = problems.length > shown.length ? [`and ${problems.length - shown.length} more`] : [];
  const at = ({ file, line, column }: Problem): string => `${file}:${line}:${column}`;
  return new AgentError(
    'POLICY_INVALID',
    [...shown.map((problem) => `${at(problem)}: ${problem.what}`), ...more].join('; '),
    { errors: Object.fromEntries(shown.map((problem) => [at(problem), problem.what])) },
  );
}

/** One file while it is read: what is wrong is noted with its place. */
class Source {
  readonly #file: PolicyFile;
  readonly #problems: Problem[];
  readonly #yaml: YamlSource;

  constructor(file: PolicyFile, problems: Problem[]) {
    this.#file = file;
    this.#problems = problems;
    this.#yaml = new YamlSource(file.text);
  }

  /** The rules that are whole, each with its place. */
  rules(): { readonly path: YamlPath; readonly rule: Rule }[] {
    const { errors } = this.#yaml;
    for (const { offset, what } of errors) this.#note(offset, what);
    if (errors.length > 0) return [];
    const whole = fit(z.strictObject({ rules: z.array(z.unknown()) }), this.#yaml.value());
    if (!whole.success) {
      for (const misfit of whole.misfits) this.#fieldProblem(misfit, []);
      return [];
    }
    return whole.data.rules.flatMap((one, index) => {
      const path = ['rules', index];
      const parsed = fit(ruleSchema, one);
      if (parsed.success) return [{ path, rule: parsed.data }];
      for (const misfit of parsed.misfits) this.#fieldProblem(misfit, path);
      return [];
    });
  }

  #fieldProblem({ path: within, what, unknown }: Misfit, of: YamlPath): void {
    const path = [...of, ...within];
    const name = path.at(-1) ?? 'the file';
    if (unknown) this.#note(this.#yaml.keyOffset(path.slice(0, -1), String(name)), `${name} ${what}`);
    else this.problem(path, `${name}: ${what}`);
  }

  problem(path: YamlPath, what: string): void {
    this.#note(this.#yaml.offset(path), what);
  }

  lineOf(path: YamlPath): number {
    return this.#yaml.place(this.#yaml.offset(path)).line;
  }

  /** Notes what is wrong with an expression at the letter in the file where that is. */
  checkExpression(path: YamlPath, { when: text, actions }: Rule, compile: Compiler['compileExpression']): void {
    try {
      compile(text, actions);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      const node = this.#yaml.node(path);
      const where = isScalar(node)
        ? this.#within(node as Scalar.Parsed, text, error.offset ?? 0)
        : this.#yaml.offset(path);
      this.#note(where, `when: ${error.message}`);
    }
  }

  /** Where a letter of a value stands in the file; the start of the value where it is written otherwise than it reads. */
  #within({ range, type }: Scalar.Parsed, text: string, offset: number): number {
    const [start, end] = range;
    const raw = this.#file.text.slice(start, end);
    const begin = type === 'PLAIN' ? 0 : type === 'QUOTE_SINGLE' || type === 'QUOTE_DOUBLE' ? 1 : -1;
    if (begin >= 0) return raw.slice(begin).startsWith(text) ? start + begin + offset : start;
    // A block: the line of the value is a line of the file, further in.
    const lines = text.slice(0, offset).split('\n');
    const line = text.split('\n')[lines.length - 1] ?? '';
    const at = type === 'BLOCK_LITERAL' && line !== '' ? raw.indexOf(line) : -1;
    return at < 0 ? start : start + at + (lines.at(-1)?.length ?? 0);
  }

  #note(offset: number, what: string): void {
    const short = what.length <= MAX_WORDS ? what : `${what.slice(0, MAX_WORDS)}…`;
    this.#problems.push({ file: this.#file.name, ...this.#yaml.place(offset), what: short });
  }
}
