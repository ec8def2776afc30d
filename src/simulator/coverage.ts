import { handlerOf } from './core/registry.ts';
import { router } from './core/router.ts';
import { loadSchema, type Method } from './schema/schema.ts';

export type Coverage = 'modelled' | 'shape only' | 'not modelled';

/** Handlers whose answers have PVE's form, with nothing behind them. */
const SHAPES = new RegExp(
  [
    '/file-restore/|/import-metadata$|/identity$|/report$',
    '^/cluster/config/|^/access/(?:openid|vncticket)|/domains/[{]realm[}]/sync$',
    '/(?:vncproxy|termproxy|vncshell|sendkey|remote_migrate)$',
    '/apt/(?:update|versions)$|/capabilities/|/certificates/info$|/disks/|/notifications/targets/[{]name[}]/test$',
  ].join('|'),
);

/** A method without a handler still answers as its part of a capture, or as a list of what is below it. */
function coverageOf({ method, path }: Method): Coverage {
  if (handlerOf(method, path) !== undefined) return SHAPES.test(path) ? 'shape only' : 'modelled';
  const children = method === 'GET' ? router().children(path.replaceAll(/\{[^}]+\}/g, 'x')) : undefined;
  return children !== undefined && children.length > 0 ? 'shape only' : 'not modelled';
}

/** Every method that PVE has, with how far the simulator goes. */
export const coverage = (): { readonly name: string; readonly coverage: Coverage }[] =>
  loadSchema().methods.map((method) => ({ name: `${method.method} ${method.path}`, coverage: coverageOf(method) }));

/** The same as lines to read, with sums at the end. */
export function coverageText(): string {
  const rows = coverage();
  const count = (kind: Coverage): string => `${rows.filter((row) => row.coverage === kind).length} ${kind}`;
  const lines = rows.map((row) => `${row.coverage.padEnd(12)} ${row.name}`);
  return [
    ...lines,
    `${rows.length} methods: ${count('modelled')}, ${count('shape only')}, ${count('not modelled')}`,
  ].join('\n');
}
