import { createRootRoute, createRoute, createRouter } from '@tanstack/react-router';
import { Changes } from './pages/changes/page.tsx';
import { NotFound } from './pages/not_found.tsx';
import { CalendarPage } from './pages/calendar/page.tsx';
import { Overview } from './pages/overview.tsx';
import { People } from './pages/people/page.tsx';
import { RunbooksPage } from './pages/runbook/page.tsx';
import { Shell } from './pages/shell.tsx';

/** What the address says, so that a link leads to the same view. */
export interface PageSearch {
  readonly environment?: string;
  /** The plan that is open. */
  readonly plan?: string;
  /** The change that is open; `new` for one that is being written. */
  readonly change?: string;
  /** The change is being rewritten. */
  readonly edit?: true;
  /** The form for a new plan is open: for a target, or `any`. */
  readonly propose?: string;
  /** The runbook that is to be started. */
  readonly runbook?: string;
  /** The run of a runbook that is open. */
  readonly run?: string;
  /** The person that is open, or `new`. */
  readonly person?: string;
  /** `new`: a token is being made. */
  readonly token?: string;
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;

function validateSearch(search: Record<string, unknown>): PageSearch {
  const environment = text(search['environment']);
  const plan = text(search['plan']);
  const change = text(search['change']);
  const propose = text(search['propose']);
  const runbook = text(search['runbook']);
  const run = text(search['run']);
  const person = text(search['person']);
  const token = text(search['token']);
  return {
    ...(environment === undefined ? {} : { environment }),
    ...(plan === undefined ? {} : { plan }),
    ...(change === undefined ? {} : { change }),
    ...(search['edit'] === true ? { edit: true } : {}),
    ...(propose === undefined ? {} : { propose }),
    ...(runbook === undefined ? {} : { runbook }),
    ...(run === undefined ? {} : { run }),
    ...(person === undefined ? {} : { person }),
    ...(token === undefined ? {} : { token }),
  };
}

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, validateSearch });
const overview = createRoute({ getParentRoute: () => root, path: '/', component: Overview });
const changes = createRoute({ getParentRoute: () => root, path: '/changes', component: Changes });

const runbooks = createRoute({ getParentRoute: () => root, path: '/runbooks', component: RunbooksPage });
const calendar = createRoute({ getParentRoute: () => root, path: '/calendar', component: CalendarPage });
const people = createRoute({ getParentRoute: () => root, path: '/people', component: People });

/** A new page is a file in `pages/`, a route here, and a path in `src/surfaces/http/server.ts`. */
export const createPageRouter = () =>
  createRouter({ routeTree: root.addChildren([overview, changes, runbooks, calendar, people]) });

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createPageRouter>;
  }
}
