import { AgentError } from '../kernel/errors.ts';

/** The parts of a PVE task's name. */
export interface Upid {
  readonly node: string;
  readonly pid: number;
  /** Start of the process in clock ticks since the node booted; tells a re-used pid apart. */
  readonly pstart: number;
  /** Seconds since the Unix epoch, by the node's own clock. */
  readonly starttime: number;
  /** `qmstart`, `vzdump`, ... */
  readonly type: string;
  /** What the task works on: mostly a VMID, also `201@local` or `200-scsi3>202-scsi4`; may be empty. */
  readonly id: string;
  /** `user@realm` or `user@realm!token`. */
  readonly user: string;
}

// pstart grows a ninth digit on a node that runs long enough, and the last colon belongs to the name (FACTS 30).
const SHAPE =
  /^UPID:([A-Za-z\d](?:[A-Za-z\d-]*[A-Za-z\d])?):([\dA-Fa-f]{8}):([\dA-Fa-f]{8,9}):([\dA-Fa-f]{8}):([^:\s]+):([^:\s]*):([^:\s]+):$/;

/** Whether a value is the name of a task; endpoints that may answer null or a UPID are told apart by this. */
export const isUpid = (value: unknown): value is string => typeof value === 'string' && SHAPE.test(value);

/** The parts of a UPID. Errors: `VALIDATION_FAILED` when it is none. */
export function parseUpid(text: string): Upid {
  const match = SHAPE.exec(text);
  if (match === null)
    throw new AgentError('VALIDATION_FAILED', `'${text.slice(0, 200)}' is not a Proxmox VE task (UPID).`);
  const [, node = '', pid = '', pstart = '', starttime = '', type = '', id = '', user = ''] = match;
  const hex = (digits: string): number => Number.parseInt(digits, 16);
  return { node, pid: hex(pid), pstart: hex(pstart), starttime: hex(starttime), type, id, user };
}

/** The UPID of these parts, hex in upper case as PVE writes it. Errors: `VALIDATION_FAILED` when a part does not fit. */
export function formatUpid(upid: Upid): string {
  const hex = (value: number): string => value.toString(16).toUpperCase().padStart(8, '0');
  const { node, pid, pstart, starttime, type, id, user } = upid;
  const text = `UPID:${node}:${hex(pid)}:${hex(pstart)}:${hex(starttime)}:${type}:${id}:${user}:`;
  parseUpid(text);
  return text;
}

/** The node that a task runs or ran on. Errors: `VALIDATION_FAILED`. */
export const nodeOf = (upid: string): string => parseUpid(upid).node;
