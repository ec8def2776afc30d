import { z } from 'zod';
import type { Secret } from './secret.ts';

/** How commands are run on the hosts of an environment. */
export interface SshConfig {
  readonly user: string;
  readonly key: Secret;
  /** Folder on the hosts in which it is kept which commands ran. */
  readonly directory: string;
  readonly hosts: Readonly<
    Record<string, { readonly address: string; readonly port: number; readonly hostKey: string }>
  >;
}

export const sshSchema = z.strictObject({
  user: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'must be a user name')
    .default('root'),
  key: z.string(),
  directory: z
    .string()
    .regex(/^\/[\w./-]+$/, 'must be an absolute path')
    .default('/var/lib/proxmox-agent/runs'),
  hosts: z.record(
    z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/, 'must be a node name'),
    z.strictObject({
      address: z.string().min(1),
      port: z.int().min(1).max(65535).default(22),
      host_key: z.string().regex(/^SHA256:[A-Za-z0-9+/]{43}=?$/, 'must be SHA256:… as ssh-keygen -lf prints it'),
    }),
  ),
});

/** `secret` finds what a reference names. Errors: its own. */
export function readSsh(
  { key, hosts, ...rest }: z.output<typeof sshSchema>,
  secret: (reference: string) => Secret,
): SshConfig {
  const named = Object.entries(hosts).map(([node, { host_key, ...host }]) => [node, { ...host, hostKey: host_key }]);
  return { ...rest, key: secret(key), hosts: Object.fromEntries(named) };
}
