/**
 * Writes what is generated: the catalogue of actions from their folder, the action reference and the error reference.
 * `--check` writes nothing and fails when something is out of date.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { actionFiles } from './actions.ts';
import { ROOT } from './files.ts';

const HEAD = '// Written by `npm run generate`. Do not edit.\n';

function catalogue(): string {
  const files = actionFiles();
  const name = (id: string): string => id.replaceAll('.', '_');
  const imports = files.map(({ file, id }) => `import ${name(id)} from './${file.slice('src/actions/'.length)}';`);
  return `${HEAD}import type { AnyAction } from './define.ts';\n${imports.join('\n')}\n\nexport const ACTIONS: readonly AnyAction[] = [\n${files.map(({ id }) => `  ${name(id)},`).join('\n')}\n];\n`;
}

async function actionReference(): Promise<string> {
  const { ACTIONS } = await import('../src/actions/catalogue.generated.ts');
  const { paramsSchema } = await import('../src/actions/schema.ts');
  const sections = ACTIONS.map((action) => {
    const schema = paramsSchema(action) as {
      properties?: Record<string, { description?: string; default?: unknown }>;
      required?: string[];
    };
    const rows = Object.entries(schema.properties ?? {}).map(([name, field]) => {
      const need = schema.required?.includes(name)
        ? 'yes'
        : field.default === undefined
          ? ''
          : `default \`${JSON.stringify(field.default)}\``;
      return `| \`${name}\` | ${need} | ${field.description ?? ''} |`;
    });
    const table =
      rows.length === 0
        ? 'No parameters.\n'
        : `| parameter | required | meaning |\n|---|---|---|\n${rows.join('\n')}\n`;
    const aliases =
      action.aliases === undefined ? '' : ` Older names: ${action.aliases.map((alias) => `\`${alias}\``).join(', ')}.`;
    const { target, params } = action.docs.example;
    const risk = `${action.risk.base}${action.risk.approval === 'always' ? ', always with approval' : ''}`;
    return `## ${action.name}\n\n${action.docs.summary}\n\nRisk: ${risk} (${action.risk.why}). Target: \`${action.target}\`.${aliases}\n\n${table}\n\`\`\`json\n${JSON.stringify({ environment: 'lab', action: action.name, target, params }, undefined, 2)}\n\`\`\`\n`;
  });
  return `# Actions\n\nWritten by \`npm run generate\` from the actions themselves.\n\n${sections.join('\n')}`;
}

async function errorReference(): Promise<string> {
  const { CATALOGUE } = await import('../src/kernel/errors.ts');
  const rows = Object.entries(CATALOGUE).map(
    ([code, e]) =>
      `| \`${code}\` | ${e.status} | ${e.exit} | ${e.retryable ? 'yes' : 'no'} | ${e.title} | ${e.advice} |`,
  );
  return `# Errors\n\nWritten by \`npm run generate\` from the catalogue in \`src/kernel/errors.ts\`.\n\n| code | HTTP | exit code | worth a retry | meaning | what to do |\n|---|---|---|---|---|---|\n${rows.join('\n')}\n`;
}

const check = process.argv.includes('--check');
let stale = 0;
function put(file: string, text: string): void {
  const path = join(ROOT, file);
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  if (check) {
    stale++;
    console.error(`${file} is out of date: run \`npm run generate\``);
  } else {
    writeFileSync(path, text);
    console.log(`wrote ${file}`);
  }
}

put('src/actions/catalogue.generated.ts', catalogue());
put('docs/actions.md', await actionReference());
put('docs/errors.md', await errorReference());
process.exitCode = stale > 0 ? 1 : 0;
