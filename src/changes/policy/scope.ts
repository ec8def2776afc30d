import type { PreparedRequest } from '../../operations/index.ts';
import { ROLES } from '../../identity/index.ts';
import type { Scope } from './declaration.ts';
import { riskOf, type PlanFacts, type PolicyInput, type TargetFacts } from './types.ts';

/** What an expression sees of a plan with one of its requests; `time` is read in `zone`. */
export function scopeOf(input: PolicyInput, facts: PlanFacts, request: PreparedRequest, time: Scope['time']): Scope {
  const { principal, environment, requests, risk } = input;
  const { target } = request.input;
  const { change, blast_radius, rehearsal } = facts;
  return {
    principal: {
      id: principal.id ?? '',
      name: principal.name,
      class: principal.class,
      role: principal.role,
      roles: ROLES.slice(0, ROLES.indexOf(principal.role) + 1),
      method: principal.method ?? '',
    },
    environment: {
      name: environment.name,
      production: environment.production,
      strictness: environment.strictness ?? 'standard',
    },
    action: actionOf(request),
    actions: requests.map(actionOf),
    params: facts.params?.[request.id] ?? null,
    target: facts.targets[target.text] ?? unknownTarget(target),
    change,
    time,
    blast_radius,
    rehearsal,
    risk: {
      level: riskOf(request, risk),
      base: request.action.risk.base,
      raises: risk.raises.map(({ reason }) => reason),
    },
  };
}

const actionOf = ({ action, input }: PreparedRequest): Scope['action'] => ({
  name: action.name,
  domain: action.name.split('.')[0] ?? '',
  risk: action.risk.base,
  target: input.target.text,
});

/** A target of which nothing was read: its name says this much. */
export const unknownTarget = ({
  kind,
  vmid,
  node,
}: {
  readonly kind: string;
  readonly vmid: number;
  readonly node: string;
}): TargetFacts => ({
  kind,
  vmid,
  name: '',
  node,
  tags: [],
  pool: '',
  tier: 0,
  protection: false,
  template: false,
  status: 'unknown',
  last_backup_age_hours: null,
});

const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

const FORMAT = {
  hourCycle: 'h23',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
} as const;

/** The machine's own time zone, by its IANA name. */
export const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** A clock on the wall of the lab. A formatter is dear, so one is made when it is first looked at, and kept. */
export function wallClock(zone?: string): (at: number) => Scope['time'] {
  let format: Intl.DateTimeFormat | undefined;
  return (at) => {
    const timeZone = zone ?? ownZone();
    format ??= new Intl.DateTimeFormat('en-GB', { ...FORMAT, timeZone });
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
    const date = `${parts['year']}-${parts['month']}-${parts['day']}`;
    return {
      hour: Number(parts['hour']),
      minute: Number(parts['minute']),
      weekday: WEEKDAYS[new Date(`${date}T00:00:00Z`).getUTCDay()] ?? '',
      date,
      iso: `${date}T${parts['hour']}:${parts['minute']}:${parts['second']}`,
      zone: timeZone,
    };
  };
}
