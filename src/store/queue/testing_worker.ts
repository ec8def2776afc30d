/** For tests, a process of its own: takes the job `long` of the queue in argv (data directory, URL), and never ends it. */
import { systemClock } from '../../kernel/clock.ts';
import { systemIds } from '../../kernel/ids.ts';
import { silentLogger } from '../../kernel/log.ts';
import { openStore } from '../open.ts';
import { openPostgres } from '../postgres.ts';
import { openQueue } from './index.ts';

const [directory = '', url] = process.argv.slice(2);
const deps = { clock: systemClock, log: silentLogger };
const store = url === undefined ? openStore({ directory, ...deps }) : await openPostgres({ url, directory, ...deps });
const queue = await openQueue({ store, ids: systemIds(systemClock), ...deps, ...(url === undefined ? {} : { url }) });
await queue.work('long', ({ attempt }) => {
  process.stdout.write(`began ${attempt}\n`);
  return new Promise(() => {});
});
await store.commit((trx) => queue.enqueue(trx, { name: 'long', key: 'only', data: 'kept' }));
