import { z } from 'zod';

/** A service that people use, and the guests that carry it. */
export interface ServiceConfig {
  readonly name: string;
  /** The one environment that its guests are in; every environment when left out. */
  readonly environment?: string | undefined;
  /** 1 critical, 2 important, 3 standard. */
  readonly tier: 1 | 2 | 3;
  /** Such as `vm/101`. */
  readonly guests: readonly string[];
  /** Names of services that it cannot do without. */
  readonly depends_on: readonly string[];
}

export const servicesSchema = z.array(
  z.strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,62}$/, 'must be lower-case letters, digits, dots and hyphens'),
    environment: z.string().optional(),
    tier: z.literal([1, 2, 3], 'must be 1, 2 or 3').default(3),
    guests: z.array(z.string().regex(/^(vm|ct)\/[1-9]\d{2,8}$/, 'must be such as vm/101')).default([]),
    depends_on: z.array(z.string()).default([]),
  }),
);

/** What is wrong with the services taken together; undefined when nothing is. */
export function checkServices(services: readonly ServiceConfig[], environments: readonly string[]): string | undefined {
  const names = new Set<string>();
  for (const { name, environment } of services) {
    if (names.has(name)) return `two services are named ${name}.`;
    names.add(name);
    if (environment !== undefined && !environments.includes(environment))
      return `service ${name}: there is no environment ${environment}; configured: ${environments.join(', ')}.`;
  }
  for (const { name, depends_on } of services) {
    const missing = depends_on.find((other) => !names.has(other));
    if (missing !== undefined) return `service ${name}: depends_on names ${missing}, which is not among the services.`;
  }
  return undefined;
}

/** What is wrong with a time zone; undefined when nothing is. */
export function checkTimeZone(zone: string | undefined): string | undefined {
  if (zone === undefined) return undefined;
  try {
    Intl.DateTimeFormat('en', { timeZone: zone });
    return undefined;
  } catch {
    return `time_zone: "${zone}" is not a time zone; write it as Europe/Vienna.`;
  }
}
