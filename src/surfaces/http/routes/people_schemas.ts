import { z } from 'zod';
import { REDACTED } from '../../../kernel/secret.ts';
import { CLASSES, ROLES } from '../../../identity/index.ts';

const instant = z.iso.datetime();

/** A person as admins see it; nothing of it signs anybody in. */
export const personDocument = z
  .looseObject({
    id: z.string(),
    name: z.string().describe('What the person signs in with.'),
    display: z.string(),
    state: z.enum(['invited', 'active', 'disabled']),
    grants: z.record(z.string(), z.enum(ROLES)).describe('Role by environment; * is every one that is not named.'),
    password: z.boolean().describe('Whether there is one.'),
    totp: z.boolean().describe('Whether an authenticator is set up.'),
    passkeys: z.int(),
    recovery_codes: z.int().describe('How many are left.'),
    issuer: z.string().optional().describe('The identity provider that the person signs in at.'),
    created_at: instant,
    login_at: instant.nullable().describe('When the person signed in last.'),
  })
  .describe('A person.');

export const invitedDocument = personDocument.extend({
  invitation: z
    .looseObject({ code: z.string(), expires_at: instant })
    .optional()
    .describe('Shown this once; opens /#invite=CODE.'),
});

export const tokenDocument = z
  .looseObject({
    id: z.string(),
    name: z.string(),
    role: z.enum(ROLES),
    class: z.enum(CLASSES),
    environments: z.array(z.string()).nullable().describe('Null: all.'),
    actions: z.array(z.string()).optional().describe('Patterns of the actions that it is held to; all when absent.'),
    created_at: instant,
    expires_at: instant.nullable(),
    last_used_at: instant.nullable().describe('To the minute.'),
    revoked_at: instant.nullable(),
    person_id: z.string().optional().describe('The person with whom it ends; absent for one that stands for itself.'),
    person: z.string().optional().describe('The name of that person, in lists for admins.'),
  })
  .describe('A token without its secret.');

export const madeTokenDocument = tokenDocument.extend({ token: z.string().describe('Shown this once.') });

export const sessionDocument = z
  .looseObject({
    id: z.string(),
    method: z.string(),
    client: z.string(),
    address: z.string(),
    created_at: instant,
    seen_at: instant,
    expires_at: instant,
    current: z.boolean().describe('Whether it is the one that asks.'),
  })
  .describe('Where a person is signed in with a browser.');

/** Answers that show something once, as they are kept for who sends the same request again. */
export const withoutToken = (made: object): object => ({ ...made, token: REDACTED });
export function withoutLink(invited: object): object {
  const { invitation } = invited as z.output<typeof invitedDocument>;
  return { ...invited, ...(invitation && { invitation: { ...invitation, code: REDACTED } }) };
}
