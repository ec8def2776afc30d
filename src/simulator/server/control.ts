import type { Fault } from '../faults.ts';
import type { Simulator } from '../simulator.ts';

export interface ControlAnswer {
  readonly status: number;
  readonly body: unknown;
}

const ok = (body: unknown = {}): ControlAnswer => ({ status: 200, body });
const bad = (words: string): ControlAnswer => ({ status: 400, body: { error: words } });

/** What tests do to the simulated cluster from outside: faults, power cuts, time. */
export function control(
  simulator: Simulator,
  method: string,
  what: string,
  body: Readonly<Record<string, unknown>>,
): ControlAnswer {
  if (method === 'GET') {
    if (what === 'calls') return ok({ calls: simulator.calls });
    if (what === 'now') return ok({ now: simulator.now() });
    if (what === 'objects') return ok({ objects: Object.fromEntries(simulator.objects()) });
    return { status: 404, body: { error: `no '${what}'` } };
  }
  switch (what) {
    case 'faults':
      return addFaults(simulator, body);
    case 'event':
      return event(simulator, body);
    case 'advance':
      simulator.advance(Number(body.seconds ?? 0) * 1000);
      return ok({ now: simulator.now() });
    case 'settle':
      simulator.settleRunning();
      return ok({ now: simulator.now() });
    default:
      return { status: 404, body: { error: `no '${what}'` } };
  }
}

function addFaults(simulator: Simulator, { faults, clear }: Readonly<Record<string, unknown>>): ControlAnswer {
  if (clear === true) simulator.clearFaults();
  if (faults !== undefined && !Array.isArray(faults)) return bad('`faults` is a list');
  try {
    for (const fault of (faults ?? []) as Fault[]) simulator.inject({ ...fault, match: fault.match ?? {} });
  } catch (error) {
    return bad(error instanceof Error ? error.message : 'not a fault');
  }
  return ok();
}

function event(simulator: Simulator, { kind, node }: Readonly<Record<string, unknown>>): ControlAnswer {
  const name = String(node);
  if (simulator.world.state.nodes[name] === undefined) return bad(`no node '${name}'`);
  if (kind === 'kill-node') simulator.killNode(name);
  else if (kind === 'start-node') simulator.startNode(name);
  else return bad(`no event '${String(kind)}'`);
  return ok();
}
