import { Link, Outlet, useLocation, useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useApi } from '../api/context.tsx';
import { Announcer } from '../parts/announcer.tsx';
import { Button } from '../parts/button.tsx';
import { useTheme } from '../parts/theme.ts';
import { useMayPropose } from './use_rights.ts';
import { Account } from './account/dialog.tsx';
import { EnvironmentChoice } from './environment.tsx';

const SECTIONS = [
  ['plans', 'Plans'],
  ['operations', 'Operations'],
  ['finished', 'Finished'],
  ['environments', 'Environments'],
  ['nodes', 'Nodes'],
  ['guests', 'Guests'],
  ['audit', 'Audit'],
] as const;

const PAGES = [
  ['/', 'Overview'],
  ['/changes', 'Changes'],
  ['/runbooks', 'Runbooks'],
  ['/calendar', 'Calendar'],
  ['/people', 'People'],
] as const;

/** `/` leads to the search field, wherever the focus is, except where a text is being typed. */
function useSearchKey(): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const target = event.target instanceof HTMLElement ? event.target : undefined;
      const typing =
        target?.matches('input, textarea, select') === true || document.querySelector('dialog[open]') !== null;
      if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      document.querySelector<HTMLInputElement>('input[type=search]')?.focus();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
}

/** Header, navigation and the place of the page itself. */
export function Shell() {
  useSearchKey();
  const navigate = useNavigate();
  const mayPropose = useMayPropose();
  const propose = () =>
    void navigate({ to: '/', search: ({ environment }) => ({ ...(environment && { environment }), propose: 'any' }) });
  return (
    <div className="mx-auto max-w-[90rem] px-3 pb-16 sm:px-5">
      <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:z-20 focus:bg-panel focus:p-2">
        Skip to the content
      </a>
      <header className="z-10 -mx-3 mb-4 border-b border-line bg-page px-3 sm:sticky sm:top-0 sm:-mx-5 sm:px-5">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-2 py-2.5">
          <h1 className="font-mono font-semibold">proxmox-agent</h1>
          <EnvironmentChoice />
          <LiveMark />
          <div className="ml-auto flex flex-wrap items-center gap-2">
            <ThemeButton />
            <Account />
            <Button look="primary" onClick={propose} disabledBecause={mayPropose}>
              Propose a change
            </Button>
          </div>
        </div>
        <Navigation />
      </header>
      <main id="main" tabIndex={-1} className="outline-none">
        <Outlet />
      </main>
      <Announcer />
    </div>
  );
}

// The ring is inside, because a line that scrolls cuts off what is outside.
const PLACE =
  'rounded px-1.5 py-1 focus-visible:-outline-offset-2 sm:px-2 whitespace-nowrap hover:bg-sunken hover:text-text';
/** One line, however narrow the screen is: what does not fit is reached by swiping, or with the Tab key. */
const LINE = '-mx-2 flex overflow-x-auto p-0.5 text-dim';

/** The pages, and below them, or beside them where there is room, the sections of the overview. */
function Navigation() {
  const overview = useLocation().pathname === '/';
  return (
    <div className="flex flex-wrap justify-between gap-x-6 pb-1">
      <nav aria-label="Pages" className={LINE}>
        {PAGES.map(([to, label]) => (
          <Link
            key={to}
            to={to}
            search={keepEnvironment}
            className={PLACE}
            activeOptions={{ exact: true, includeSearch: false }}
            activeProps={{ className: 'font-semibold text-text underline decoration-2 underline-offset-8' }}
          >
            {label}
          </Link>
        ))}
      </nav>
      {overview && (
        <nav aria-label="On this page" className={`${LINE} items-center text-xs`}>
          {SECTIONS.map(([id, label]) => (
            <a key={id} href={`#${id}`} className={PLACE}>
              {label}
            </a>
          ))}
        </nav>
      )}
    </div>
  );
}

const keepEnvironment = ({ environment }: { environment?: string }): { environment?: string } =>
  environment === undefined ? {} : { environment };

function LiveMark() {
  const { live } = useApi();
  const text = live === 'live' ? 'live' : live === 'connecting' ? 'connecting' : 'not connected, trying again';
  return (
    <span role="status" className={`text-xs ${live === 'waiting' ? 'text-bad' : 'text-dim'}`}>
      <span
        aria-hidden="true"
        className={`mr-1 inline-block size-2 rounded-full ${live === 'live' ? 'bg-ok' : live === 'waiting' ? 'bg-bad' : 'bg-warn'}`}
      />
      {text}
    </span>
  );
}

function ThemeButton() {
  const [theme, next] = useTheme();
  return (
    <Button look="quiet" onClick={next} title="Colours: as the system, light, dark">
      Theme: {theme === 'system' ? 'auto' : theme}
    </Button>
  );
}
