import type { Clock } from '../../kernel/clock.ts';
import type { Ids } from '../../kernel/ids.ts';
import type { Logger } from '../../kernel/log.ts';
import type { Store } from '../open.ts';
import { EmbeddedQueue } from './embedded.ts';
import type { Queue } from './queue.ts';

export type { Job, NewJob, Queue, Worker } from './queue.ts';

export interface QueueOptions {
  readonly store: Store;
  /** Of the PostgreSQL that `store` is on. */
  readonly url?: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
}

/** The queue that belongs to a store. pg-boss is loaded only where it is needed. Errors: the store's. */
export async function openQueue(options: QueueOptions): Promise<Queue> {
  if (options.url === undefined) return EmbeddedQueue.open(options);
  const { BossQueue } = await import('./boss.ts');
  return BossQueue.open({ url: options.url, ids: options.ids, log: options.log });
}
