import { asRead } from '../core/as-read.ts';
import type { Call, Routes } from '../core/call.ts';
import type { StorageDefinition } from '../state/types.ts';

type Row = Readonly<Record<string, unknown>>;

/** Servers and volume groups have what storages of this cluster are known to take from them. */
const found =
  (type: string, matches: (call: Call, storage: StorageDefinition) => boolean, row: (options: Row) => Row) =>
  (call: Call): Row[] => {
    const rows = [...call.world.state.storages.values()]
      .filter((storage) => storage.type === type && matches(call, storage))
      .map(({ options }) => row(options));
    return [...new Map(rows.map((one) => [JSON.stringify(one), one])).values()];
  };

const sameServer = ({ params }: Call, { options }: StorageDefinition): boolean =>
  options.server === params.text('server');

const base = '/nodes/{node}/scan';

export const scanRoutes: Routes = {
  [`GET ${base}/nfs`]: found('nfs', sameServer, (options) => ({ path: options.export, options: '*' })),
  [`GET ${base}/cifs`]: found('cifs', sameServer, (options) => ({ share: options.share, description: '' })),
  [`GET ${base}/pbs`]: found('pbs', sameServer, (options) => ({ store: options.datastore })),
  [`GET ${base}/iscsi`]: found(
    'iscsi',
    ({ params }, { options }) => String(options.portal).split(':')[0] === params.text('portal').split(':')[0],
    (options) => ({ portal: options.portal, target: options.target }),
  ),
  [`GET ${base}/lvmthin`]: found(
    'lvmthin',
    ({ params }, { options }) => options.vgname === params.text('vg'),
    (options) => ({ lv: options.thinpool }),
  ),
  [`GET ${base}/lvm`]: asRead(() => []),
  [`GET ${base}/zfs`]: asRead(() => []),
};
