import type { Secret } from '../../kernel/secret.ts';

/** How the hosts of one environment are reached over SSH. */
export interface SshAccess {
  readonly user: string;
  /** An OpenSSH private key without a passphrase. */
  readonly key: Secret;
  /** Folder on the hosts in which it is written down which commands ran. */
  readonly directory: string;
  /** By PVE's node name. */
  readonly hosts: Readonly<Record<string, SshHost>>;
}

export interface SshHost {
  readonly address: string;
  readonly port: number;
  /** `SHA256:…`, as `ssh-keygen -lf` prints it. A host with another key is not talked to. */
  readonly hostKey: string;
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs `argv` on a node and waits for its end. Errors: PVE_UNREACHABLE, with `sent` as for PVE's API; the signal's
 * reason when aborted.
 */
export type Exec = (node: string, argv: readonly string[], signal?: AbortSignal) => Promise<Outcome>;

/** What a plan is made from: who logs in where, and which key answers. Nothing of it is secret. */
export interface HostFacts {
  readonly user: string;
  readonly address: string;
  readonly port: number;
  readonly host_key: string;
}
