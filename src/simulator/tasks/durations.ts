/** How long tasks take on a small machine with an SSD, in ms of virtual time. Copies go by size. */
export const DURATION = {
  config: 150,
  create: 300,
  start: 1_300,
  stop: 900,
  /** From the power button until a guest with a system is off. */
  shutdown: 6_000,
  /** From start until the guest agent answers. */
  agent: 8_000,
  snapshot: 400,
  deleteSnapshot: 600,
  rollback: 600,
  linkedClone: 450,
  resize: 300,
  destroy: 400,
  template: 500,
  reassign: 150,
  migrate: 1_500,
} as const;

/** Making a copy, before a byte is moved. */
const COPY_OVERHEAD = 1_000;
/** A mirror under a running guest has to get ready, to catch up and to switch over. */
const MIRROR_OVERHEAD = 3_000;
const COPY_BYTES_PER_SECOND = 200 * 1024 ** 2;
const MIRROR_BYTES_PER_SECOND = 1024 ** 3;
const NETWORK_BYTES_PER_SECOND = 110 * 1024 ** 2;

const seconds = (bytes: number, rate: number, limit: number): number =>
  Math.ceil((bytes / (limit > 0 ? Math.min(rate, limit * 1024) : rate)) * 1000);

/** Copying an image of which this much is written; holes cost nothing. `limit` in KiB a second. */
export const copyDuration = (written: number, limit = 0): number =>
  COPY_OVERHEAD + seconds(written, COPY_BYTES_PER_SECOND, limit);

/** Mirroring a disk of a running guest: all of it, whether written or not. */
export const mirrorDuration = (size: number, limit = 0): number =>
  MIRROR_OVERHEAD + seconds(size, MIRROR_BYTES_PER_SECOND, limit);

/** Sending bytes to another node over 1 Gbit/s. */
export const networkDuration = (bytes: number): number => Math.ceil((bytes / NETWORK_BYTES_PER_SECOND) * 1000);
