import { bootstrapCommands, type TokenHealth } from '../../../changes/index.ts';
import type { Context } from '../context.ts';
import { usage } from '../problem.ts';
import { hanging } from '../render/text.ts';

/** Exit code 1 when a privilege is missing. */
export async function check(context: Context, _options: object, name: string): Promise<number> {
  const answer = await context.api.get<TokenHealth>(`/v1/environments/${encodeURIComponent(name)}/health`);
  await context.show(answer, (health) => healthLines(health, context));
  return answer.body.status === 'fail' ? 1 : 0;
}

function healthLines(
  { environment, version, needed, missing, beyond }: TokenHealth,
  { style, width }: Context,
): string[] {
  const lacks = missing.flatMap(({ path, privilege, actions, held_on }) => {
    const why = actions.length === 0 ? 'every plan' : actions.join(', ');
    const part = held_on.length === 0 ? '' : ` (held on ${held_on.join(', ')} only)`;
    return hanging(`${style.red('missing')}  ${privilege} on ${path}${part}: `, why, width, 9);
  });
  const extra = beyond.flatMap(({ privilege, paths, dangerous }) =>
    hanging(
      `${style.yellow('warning')}  `,
      `${privilege} on ${paths.join(', ')} is more than any action needs${dangerous ? ', and dangerous' : ''}`,
      width,
      9,
    ),
  );
  const all =
    missing.length === 0
      ? `holds all ${needed} privileges that the actions need`
      : `lacks ${missing.length} of ${needed} privileges`;
  return [`${environment} (Proxmox VE ${version}): the token ${all}.`, ...lacks, ...extra];
}

/** Needs no server: the environment may not be there yet. */
export async function bootstrap(
  context: Context,
  { pve, user }: { readonly pve: string; readonly user: string },
  name: string,
): Promise<void> {
  if (pve !== '8' && pve !== '9') throw usage('--pve must be 8 or 9.');
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(name)) throw usage('The name must be lower-case letters, digits and hyphens.');
  const commands = bootstrapCommands(pve === '8' ? 8 : 9, user);
  if (context.json) return context.print(JSON.stringify({ environment: name, commands }));
  const variable = `${name.toUpperCase().replaceAll('-', '_')}_TOKEN_SECRET`;
  context.print(commands);
  context.note(
    `Run these as root on a node. Put the secret that the last one shows into ${variable} and name it as env:${variable}; it is shown once.`,
  );
}
