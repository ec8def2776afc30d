/** A file whose sections the API lists under one path, each by the name in one field. */
export interface SectionFile {
  readonly list: string;
  readonly key: string;
}

export const ENDPOINT_TYPES = ['gotify', 'sendmail', 'smtp', 'webhook'] as const;

const endpoints = Object.fromEntries(
  ENDPOINT_TYPES.map((type) => [`endpoint/${type}`, { list: `/cluster/notifications/endpoints/${type}`, key: 'name' }]),
);

/** By the name that the simulator keeps them under. */
export const SECTION_FILES: Readonly<Record<string, SectionFile>> = {
  ...endpoints,
  matcher: { list: '/cluster/notifications/matchers', key: 'name' },
  metrics: { list: '/cluster/metrics/server', key: 'id' },
  'realm-sync': { list: '/cluster/jobs/realm-sync', key: 'id' },
};
