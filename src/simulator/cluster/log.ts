import { may } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';

const DEFAULT_LINES = 50;

/** Newest first; without Sys.Syslog on / only one's own lines. Numbers are as PVE gives them: the uid is a text. */
function read(call: Call): unknown[] {
  const { params, principal, world } = call;
  const all = may(call, '/', ['Sys.Syslog']);
  const lines = world.state.clusterLog.filter(({ user }) => all || user === principal.name);
  return lines
    .slice(-(params.maybeNumber('max') ?? DEFAULT_LINES))
    .toReversed()
    .map(({ uid, ...line }) => ({ ...line, uid: String(uid), id: `${uid}:${line.node}` }));
}

export const logRoutes: Routes = { 'GET /cluster/log': read };
