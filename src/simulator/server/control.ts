import { FaultError, parseFaults } from '../fault-list.ts';
import type { Simulator } from '../simulator.ts';

export interface ControlAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** A year at once, seconds. */
const MAX_ADVANCE = 31_622_400;

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
      return advance(simulator, body);
    case 'settle':
      simulator.settleRunning();
      return ok({ now: simulator.now() });
    default:
      return { status: 404, body: { error: `no '${what}'` } };
  }
}

/** All of the list or nothing of it. */
function addFaults(simulator: Simulator, body: Readonly<Record<string, unknown>>): ControlAnswer {
  const { clear, faults = [], ...rest } = body;
  if (clear !== undefined && typeof clear !== 'boolean') return bad('`clear` is true or false');
  try {
    const list = parseFaults({ ...rest, faults });
    if (clear === true) simulator.clearFaults();
    for (const fault of list.faults) simulator.inject(fault, list.seed);
    return ok();
  } catch (error) {
    if (!(error instanceof FaultError)) throw error;
    return bad(error.message);
  }
}

function advance(simulator: Simulator, { seconds }: Readonly<Record<string, unknown>>): ControlAnswer {
  if (typeof seconds !== 'number' || !(seconds >= 0 && seconds <= MAX_ADVANCE))
    return bad(`\`seconds\` is a number from 0 to ${MAX_ADVANCE}`);
  simulator.advance(seconds * 1000);
  return ok({ now: simulator.now() });
}

function event(simulator: Simulator, { kind, node }: Readonly<Record<string, unknown>>): ControlAnswer {
  if (typeof node !== 'string') return bad('`node` is the name of a node');
  if (simulator.world.state.nodes[node] === undefined) return bad(`no node '${node}'`);
  if (kind === 'kill-node') simulator.killNode(node);
  else if (kind === 'start-node') simulator.startNode(node);
  else return bad('`kind` is kill-node or start-node');
  return ok();
}
