import { createRootRoute, createRoute, createRouter } from '@tanstack/react-router';
import { NotFound } from './pages/not_found.tsx';
import { Overview } from './pages/overview.tsx';
import { Shell } from './pages/shell.tsx';

/** What the address says, so that a link leads to the same view. */
export interface PageSearch {
  readonly environment?: string;
  /** The plan that is open. */
  readonly plan?: string;
  /** The form for a new plan is open: for a target, or `any`. */
  readonly propose?: string;
  /** The runbook that is to be started. */
  readonly runbook?: string;
  /** The run of a runbook that is open. */
  readonly run?: string;
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;

function validateSearch(search: Record<string, unknown>): PageSearch {
  const environment = text(search['environment']);
  const plan = text(search['plan']);
  const propose = text(search['propose']);
  const runbook = text(search['runbook']);
  const run = text(search['run']);
  return {
    ...(environment === undefined ? {} : { environment }),
    ...(plan === undefined ? {} : { plan }),
    ...(propose === undefined ? {} : { propose }),
    ...(runbook === undefined ? {} : { runbook }),
    ...(run === undefined ? {} : { run }),
  };
}

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, validateSearch });
const overview = createRoute({ getParentRoute: () => root, path: '/', component: Overview });

/** A new page is a file in `pages/` and a route here. */
export const createPageRouter = () => createRouter({ routeTree: root.addChildren([overview]) });

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createPageRouter>;
  }
}
