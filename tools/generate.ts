/**
 * Writes what is generated: the catalogue of actions from their folder, the references of actions,
 * errors and access.
 * `--check` writes nothing and fails when something is out of date.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
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

const WHO = {
  anyone: 'person, service, agent',
  'no agent': 'person, service',
  people: 'person',
  self: 'person with an account',
} as const;
const WHERE = {
  none: 'any; shows only what the caller may see',
  everywhere: 'all',
  path: 'named in the path',
  query: 'named in the query',
  body: 'named in the body',
  plan: "the plan's",
  operation: "the operation's",
  run: "the run's",
  change: "all of the change's",
  own: 'where the caller has what it gives or takes',
} as const;

/** The rules as the server itself holds them: it is started on an empty directory and asked. */
async function accessReference(): Promise<string> {
  const [{ createApp }, { loadConfig }, { systemClock }, { systemIds }, { createLogger }] = await Promise.all([
    import('../src/app.ts'),
    import('../src/kernel/config.ts'),
    import('../src/kernel/clock.ts'),
    import('../src/kernel/ids.ts'),
    import('../src/kernel/log.ts'),
  ]);
  const directory = mkdtempSync(join(tmpdir(), 'proxmox-agent-generate-'));
  try {
    const config = loadConfig({ env: {}, cwd: directory, flags: {} });
    const app = await createApp({
      config,
      clock: systemClock,
      ids: systemIds(systemClock),
      log: createLogger('silent'),
    });
    const rows = app.server.accessTable
      // The page is one file or many, as it was built.
      .filter(({ route }) => !route.includes('/assets/'))
      .toSorted((a, b) => byPath(a.route).localeCompare(byPath(b.route), 'en'))
      .map(({ route, rule }) =>
        rule === 'public'
          ? `| \`${route}\` | everybody | | |`
          : `| \`${route}\` | ${WHO[rule.who]} | ${rule.role} | ${rule.who === 'self' && rule.environment === 'none' ? 'its own account' : WHERE[rule.environment]} |`,
      );
    await app.close();
    return `# Who may call what\n\nWritten by \`npm run generate\` from the rules of the routes; a test calls every route as everybody. A role includes\nthose before it: viewer, operator, approver, admin. It has to be held in the environment of the last column. What is of an\nenvironment that the caller has no rights in is not found, or refused in the same words as one that there is not.\nOnly a person decides on an operation that needs attention, and revokes tokens of others. Who is held to some actions has\nno say about plans of others, and administers nothing.\n\n| route | who | role | environment |\n|---|---|---|---|\n${rows.join('\n')}\n`;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
const byPath = (route: string): string => route.split(' ').toReversed().join(' ');

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
put('docs/access.md', await accessReference());
process.exitCode = stale > 0 ? 1 : 0;
