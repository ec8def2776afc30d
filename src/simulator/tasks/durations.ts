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

const COPY_BYTES_PER_SECOND = 200 * 1024 ** 2;
const NETWORK_BYTES_PER_SECOND = 110 * 1024 ** 2;

/** Reading and writing an image. `limit` in KiB a second. */
export function copyDuration(bytes: number, limit = 0): number {
  const rate = limit > 0 ? Math.min(COPY_BYTES_PER_SECOND, limit * 1024) : COPY_BYTES_PER_SECOND;
  return Math.ceil((bytes / rate) * 1000);
}

/** Sending bytes to another node over 1 Gbit/s. */
export const networkDuration = (bytes: number): number => Math.ceil((bytes / NETWORK_BYTES_PER_SECOND) * 1000);
