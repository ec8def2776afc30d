import { RouterProvider } from '@tanstack/react-router';
import { useEffect, useMemo, useState } from 'react';
import { createClient } from './api/client.ts';
import { ApiProvider, useCaller } from './api/context.tsx';
import type { Session } from './api/session.ts';
import { Invitation } from './pages/invitation.tsx';
import { OwnerLink } from './pages/owner_link.tsx';
import { SignIn } from './pages/sign_in.tsx';
import { createPageRouter } from './router.ts';

interface Link {
  readonly kind: 'owner' | 'invite' | 'refused';
  readonly code: string;
}

/** What a one-time link carries, taken out of the address so that it stays in no history and no bookmark. */
function takeLink(): Link | undefined {
  const [, kind, code] = /^#(owner|invite|refused)=(.+)$/.exec(window.location.hash) ?? [];
  if (kind === undefined || code === undefined) return undefined;
  window.history.replaceState(null, '', window.location.pathname + window.location.search);
  return { kind: kind as Link['kind'], code: decodeURIComponent(code) };
}

/** By code alone: whoever can make somebody open a link must not choose what the page says. */
const refusal = (code: string): string =>
  code === 'FORBIDDEN'
    ? 'You were recognised there, but nothing gives you rights here. Ask an admin.'
    : 'Signing in there did not succeed. Try again; an admin finds the reason in the audit log.';

/** The providers, and whether a cookie of an earlier visit still signs in; undefined until that is known. */
function useProviders(session: Session): readonly string[] | undefined {
  const [providers, setProviders] = useState<readonly string[]>();
  useEffect(() => {
    createClient(session)
      .get<{ providers: string[]; csrf?: string }>('/v1/session')
      .then(
        ({ providers, csrf }) => {
          if (csrf !== undefined && session.token() === undefined) session.enter(csrf);
          setProviders(providers);
        },
        () => setProviders([]),
      );
  }, [session]);
  return providers;
}

/** A one-time link, sign-in, or the page itself. */
export function App({ session }: { session: Session }) {
  const [link, setLink] = useState(takeLink);
  const [withToken, setWithToken] = useState(false);
  const caller = useCaller(session);
  const providers = useProviders(session);
  const router = useMemo(createPageRouter, []);
  useEffect(() => {
    // The link may also be opened in a tab that shows this page already: then nothing is loaded anew.
    const onHash = (): void => setLink((old) => takeLink() ?? old);
    window.addEventListener('hashchange', onHash);
    return () => window.removeEventListener('hashchange', onHash);
  }, []);
  const done = (): void => setLink(undefined);

  if (link?.kind === 'owner') {
    const onDone = (): void => {
      setWithToken(true);
      done();
    };
    return <OwnerLink key={link.code} code={link.code} session={session} onDone={onDone} />;
  }
  if (link?.kind === 'invite') return <Invitation key={link.code} code={link.code} session={session} onDone={done} />;
  if (caller !== undefined)
    return (
      <ApiProvider session={session}>
        <RouterProvider router={router} />
      </ApiProvider>
    );
  if (providers === undefined) return null;
  const refused = link === undefined ? undefined : refusal(link.code);
  return <SignIn session={session} withToken={withToken} providers={providers} refused={refused} />;
}
