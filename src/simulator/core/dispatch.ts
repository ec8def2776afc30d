import { demandSchema } from '../access/check.ts';
import { demandDescribed } from '../access/described.ts';
import type { Method } from '../schema/schema.ts';
import { checkObject, coerce, type Errors, type Value, type Values } from '../schema/validate.ts';
import { Beside, Params, PlainText, type Call, type Principal } from './call.ts';
import { fail, forbidden, NotRead, parameterError, PveError } from './errors.ts';
import { demandReads } from './needs.ts';
import { demandQuorum } from './quorum.ts';
import { handlerOf } from './registry.ts';
import { router } from './router.ts';
import type { Upload } from '../storage/names.ts';
import type { World } from './world.ts';

export interface SimRequest {
  readonly method: string;
  /** Below /api2/json, percent-encoded. */
  readonly path: string;
  /** Query and body together. */
  readonly params: Readonly<Record<string, string | readonly string[] | number | boolean>>;
  /** `root@pam`, or `user@realm!token`. */
  readonly principal: string;
  /** A file that came along. */
  readonly upload?: Upload;
}

export interface SimResponse {
  /** 0: no answer (a fault cut the connection, or a partial twin lacks something). */
  readonly status: number;
  readonly reason: string;
  /** `{data, message?, errors?, total?, …}`, a text, or null when empty. */
  readonly body: unknown;
  /** In a partial twin: calls whose answers are needed first, all for one object at once. */
  readonly missing?: readonly string[];
  /** Real ms that a fault holds the answer back. */
  readonly delay_ms?: number;
}

const VERBS = new Set(['GET', 'POST', 'PUT', 'DELETE']);

const empty = (status: number, reason: string): SimResponse => ({ status, reason, body: null });

/** Answers a request: route, rights, parameters, handler, in PVE's order. */
export function dispatch(world: World, request: SimRequest, principal: Principal | undefined): SimResponse {
  try {
    return route(world, request, principal);
  } catch (error) {
    return errorResponse(error);
  }
}

export function errorResponse(error: unknown): SimResponse {
  if (error instanceof NotRead) return { status: 0, reason: 'not read', body: null, missing: error.missing };
  if (!(error instanceof PveError)) {
    const words = `internal error: ${error instanceof Error ? error.message : String(error)}`;
    return { status: 500, reason: words.split('\n')[0] ?? '', body: { data: null, message: `${words}\n` } };
  }
  const { status, message, errors } = error;
  if (status >= 590) return empty(status, message);
  // The status line carries the first line only (FACTS 2). An unknown method has no trailing newline.
  const body = {
    data: null,
    message: status === 501 ? message : `${message}\n`,
    ...(errors === undefined ? {} : { errors }),
  };
  return { status, reason: message.split('\n')[0] ?? '', body };
}

function route(world: World, request: SimRequest, principal: Principal | undefined): SimResponse {
  const { method: verb, path } = request;
  if (!VERBS.has(verb)) return empty(501, `method '${verb}' not available`);
  const match = router().match(verb, path);
  if (principal === undefined && match?.method.permissions?.user !== 'world')
    return empty(401, request.principal === '' ? 'No ticket' : 'Authentication failed!');
  if (match === undefined) throw new PveError(501, `Method '${verb} ${path}' not implemented`);
  const { method, values } = match;
  const caller: Principal = principal ?? { user: '', name: '', root: false };
  if (method.ticketOnly && caller.token !== undefined) {
    throw forbidden(`URI '${path}' not available with API token, need proper ticket.\n`);
  }
  const merged = mergeParams(values, request.params);
  const node = answeringNode(world, method, values);
  const draft: Call = { world, principal: caller, method, path, node, params: new Params(merged.values) };
  demandSchema(draft);
  demandDescribed(draft);
  // What another node can answer for it, such as waking it up, works while it is gone.
  const asked = method.proxied || values.node === undefined;
  if (asked && world.state.nodes[node]?.online === false) throw offline(world, node);
  const params = new Params(checkParams(method, merged));
  const call = { ...draft, params, ...(request.upload === undefined ? {} : { upload: request.upload }) };
  demandReads(call);
  demandQuorum(call);
  return answer(call);
}

interface Merged {
  readonly values: Values;
  readonly errors: Errors;
}

/** A parameter may repeat one of the path only with the same value (FACTS 13). */
function mergeParams(path: Readonly<Record<string, string>>, given: SimRequest['params']): Merged {
  const values: Values = { ...path };
  const errors: Errors = {};
  for (const [name, raw] of Object.entries(given)) {
    if (name === '_dc') continue;
    const value: Value = typeof raw === 'boolean' ? (raw ? '1' : '0') : raw;
    const fixed = Object.hasOwn(path, name) ? path[name] : undefined;
    if (fixed !== undefined && fixed !== String(value)) {
      errors[name] = 'duplicate parameter (already defined in URI) with conflicting values!';
    }
    values[name] = fixed ?? value;
  }
  return { values, errors };
}

/** The node of the path where the method is that node's, `localhost` being the one asked; else the one asked. */
function answeringNode(world: World, method: Method, values: Readonly<Record<string, string>>): string {
  const { nodes, localNode } = world.state;
  const named = values.node;
  if (named === undefined) return localNode;
  if (named === 'localhost') return localNode;
  if (nodes[named] !== undefined || !method.proxied) return named;
  const reason = /^[a-zA-Z0-9.-]+$/.test(named) ? 'Temporary failure in name resolution' : 'Name or service not known';
  throw fail(`hostname lookup '${named}' failed - failed to get address info for: ${named}: ${reason}`);
}

/** A dead node is first waited for, later known to be gone (FACTS 42). */
function offline(world: World, node: string): PveError {
  const first = !world.unreachable.has(node);
  world.unreachable.add(node);
  return new PveError(595, first ? 'Connection timed out' : 'No route to host');
}

function checkParams(method: Method, { values, errors }: Merged): Values {
  const params = method.paramsFor(values);
  checkObject(params, values, errors);
  if (Object.keys(errors).length > 0) throw parameterError(errors);
  const out: Values = {};
  for (const [name, value] of Object.entries(values)) out[name] = coerce(params[name], value);
  return out;
}

function answer(call: Call): SimResponse {
  const { method } = call;
  const handler = handlerOf(method.method, method.path);
  if (handler === undefined) return withoutHandler(call);
  const data = handler(call) ?? null;
  if (data instanceof PlainText) return { status: 200, reason: 'OK', body: data.text };
  if (data instanceof Beside) return { status: 200, reason: 'OK', body: { data: data.data, ...data.more } };
  return { status: 200, reason: 'OK', body: { data } };
}

/** What is not modelled answers as it was read, folders list what is in them, the rest is not there. */
function withoutHandler({ method, path, world }: Call): SimResponse {
  if (method.method === 'GET') {
    const document = world.state.documents[`/${path.split('/').filter(Boolean).join('/')}`];
    if (document !== undefined) {
      const beside =
        document !== null &&
        typeof document === 'object' &&
        'data' in document &&
        ('total' in document || 'changes' in document);
      return { status: 200, reason: 'OK', body: beside ? document : { data: document } };
    }
    const children = router()
      .children(path)
      ?.filter((name) => !/^(?:execute|.*websocket)$/.test(name));
    if (children !== undefined && children.length > 0) {
      return { status: 200, reason: 'OK', body: { data: children.map((name) => ({ [method.indexKey]: name })) } };
    }
  }
  // What is not modelled is missing, as in a PVE that does not have it; `--coverage` tells which.
  throw new PveError(501, `Method '${method.method} ${path}' not implemented`);
}
