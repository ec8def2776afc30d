import { createRootRoute, createRoute, createRouter } from '@tanstack/react-router';
import { NotFound } from './pages/not_found.tsx';
import { CalendarPage } from './pages/calendar/page.tsx';
import { Overview } from './pages/overview.tsx';
import { Shell } from './pages/shell.tsx';

/** What the address says, so that a link leads to the same view. */
export interface PageSearch {
  readonly environment?: string;
  /** The plan that is open. */
  readonly plan?: string;
  /** The form for a new plan is open: for a target, or `any`. */
  readonly propose?: string;
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;

function validateSearch(search: Record<string, unknown>): PageSearch {
  const environment = text(search['environment']);
  const plan = text(search['plan']);
  const propose = text(search['propose']);
  return {
    ...(environment === undefined ? {} : { environment }),
    ...(plan === undefined ? {} : { plan }),
    ...(propose === undefined ? {} : { propose }),
  };
}

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, validateSearch });
const overview = createRoute({ getParentRoute: () => root, path: '/', component: Overview });

const calendar = createRoute({ getParentRoute: () => root, path: '/calendar', component: CalendarPage });

/** A new page is a file in `pages/`, a route here, and its path among those that the server serves the page at. */
export const createPageRouter = () => createRouter({ routeTree: root.addChildren([overview, calendar]) });

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createPageRouter>;
  }
}
