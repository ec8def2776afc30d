import type { Context } from '../context.ts';
import { AgentError } from '../../../kernel/errors.ts';
import { REDACTED } from '../../../kernel/secret.ts';
import { usage } from '../problem.ts';
import { table } from '../render/table.ts';
import { instant } from '../render/values.ts';
import { lostWithAnswer, postOnce } from './once.ts';
import { grantsText } from './session.ts';

interface PersonRow {
  readonly id: string;
  readonly name: string;
  readonly display: string;
  readonly state: string;
  readonly grants: Readonly<Record<string, string>>;
  readonly password: boolean;
  readonly totp: boolean;
  readonly passkeys: number;
  readonly login_at?: string | null;
  readonly invitation?: { readonly code: string; readonly expires_at: string };
}

const path = (id: string, verb = ''): string => `/v1/people/${encodeURIComponent(id)}${verb}`;

const factorsText = ({ password, totp, passkeys }: PersonRow): string =>
  [password ? 'password' : '', totp ? 'authenticator' : '', passkeys > 0 ? `${passkeys} passkey(s)` : '']
    .filter((text) => text !== '')
    .join(', ');

export async function listPeople(context: Context): Promise<void> {
  const answer = await context.api.get<{ people: PersonRow[] }>('/v1/people');
  await context.show(answer, async ({ people }) => {
    if (people.length === 0)
      return ['Nobody yet. `proxmox-agent person invite NAME --grant ENVIRONMENT=ROLE` adds somebody.'];
    const rows = people.map((person) => [
      person.name,
      person.state,
      grantsText(person.grants),
      factorsText(person),
      person.login_at ? instant(person.login_at) : 'never',
    ]);
    return table(['NAME', 'STATE', 'ROLES', 'SIGNS IN WITH', 'LAST TIME'], rows, {
      width: context.width,
      style: context.style,
      flex: 2,
    });
  });
}

/** `home=approver` as it is written on the command line; `all` and `*` mean the same. */
export function readGrants(given: readonly string[]): Record<string, string | undefined> {
  return Object.fromEntries(
    given.map((text) => {
      const [, name = '', role = ''] = /^([^=]+)=(viewer|operator|approver|admin|none)$/.exec(text) ?? [];
      if (name === '')
        throw usage(`"${text}" is not ENVIRONMENT=ROLE, such as home=approver or all=viewer; none takes a role away.`);
      return [name === 'all' ? '*' : name, role === 'none' ? undefined : role];
    }),
  );
}

/** Errors: `NOT_FOUND`. */
async function find(context: Context, name: string): Promise<PersonRow> {
  const { people } = (await context.api.get<{ people: PersonRow[] }>('/v1/people')).body;
  const found = people.find((person) => person.name === name || person.id === name);
  if (found === undefined) throw new AgentError('NOT_FOUND', `There is no person "${name}" that you administer.`);
  return found;
}

/** The link goes to the standard output once, alone on its line; the server keeps only a hash of it. */
function linkLines(context: Context, { name, invitation }: PersonRow): string[] {
  if (invitation === undefined) return [`${name} signs in elsewhere and needs no link.`];
  if (!context.json) context.note(`Give ${name} this link; it works once, until ${instant(invitation.expires_at)}:`);
  return [`${context.api.server}/#invite=${invitation.code}`];
}

export async function invitePerson(
  context: Context,
  { grant = [], display }: { readonly grant?: readonly string[]; readonly display?: string },
  name: string,
): Promise<void> {
  if (grant.length === 0) throw usage('Which rights? Give --grant ENVIRONMENT=ROLE, such as --grant home=approver.');
  const body = { name, grants: readGrants(grant), ...(display === undefined ? {} : { display }) };
  const answer = await postOnce<PersonRow>(context, '/v1/people', body);
  if (answer.body.invitation?.code === REDACTED)
    throw lostWithAnswer(`${name} is invited`, `\`proxmox-agent person reset ${name}\` makes a new link.`);
  await context.show(answer, (made) => linkLines(context, made));
}

export async function resetPerson(
  context: Context,
  { yes }: { readonly yes?: boolean },
  name: string,
): Promise<number | undefined> {
  const { id } = await find(context, name);
  const question = `Take password, factors, sessions and tokens of ${name} away and make a new link?`;
  if (yes !== true) {
    if (!context.canAsk) throw usage('This ends everything that the person signs in with; add --yes.');
    if (!(await context.prompt.confirm(question))) return 6;
  }
  await context.show(await context.api.post<PersonRow>(path(id, '/reset')), (made) => linkLines(context, made));
  return undefined;
}

const change = async (
  context: Context,
  name: string,
  body: object,
  said: (row: PersonRow) => string,
): Promise<void> => {
  const { id } = await find(context, name);
  await context.show(await context.api.patch<PersonRow>(path(id), body), (row) => [said(row)]);
};

export const disablePerson = (context: Context, _: object, name: string): Promise<void> =>
  change(
    context,
    name,
    { disabled: true },
    () => `${name} is disabled; all sessions and tokens of ${name} have ended.`,
  );

export const enablePerson = (context: Context, _: object, name: string): Promise<void> =>
  change(context, name, { disabled: false }, ({ state }) => `${name} is ${state}.`);

/** What is named is set; what is not stays as it is. */
export async function grantPerson(context: Context, _: object, name: string, given: string[]): Promise<void> {
  const { grants } = await find(context, name);
  const wanted = { ...grants, ...readGrants(given) };
  const kept = Object.fromEntries(Object.entries(wanted).filter(([, role]) => role !== undefined));
  await change(context, name, { grants: kept }, (row) => `${name} has ${grantsText(row.grants)}.`);
}
