import { RouterProvider } from '@tanstack/react-router';
import { useEffect, useMemo, useState } from 'react';
import { ApiProvider, useToken } from './api/context.tsx';
import type { Session } from './api/session.ts';
import { OwnerLink } from './pages/owner_link.tsx';
import { SignIn } from './pages/sign_in.tsx';
import { createPageRouter } from './router.ts';

/** The code of a one-time owner link, taken out of the address so that it stays in no history and no bookmark. */
function takeOwnerCode(): string | undefined {
  const code = /^#owner=(.+)$/.exec(window.location.hash)?.[1];
  if (code === undefined) return undefined;
  window.history.replaceState(null, '', window.location.pathname + window.location.search);
  return decodeURIComponent(code);
}

/** Owner link, sign-in, or the page itself. */
export function App({ session }: { session: Session }) {
  const [ownerCode, setOwnerCode] = useState(takeOwnerCode);
  const token = useToken(session);
  const router = useMemo(createPageRouter, []);
  useEffect(() => {
    // The link may also be opened in a tab that shows this page already: then nothing is loaded anew.
    const onHash = (): void => setOwnerCode((old) => takeOwnerCode() ?? old);
    window.addEventListener('hashchange', onHash);
    return () => window.removeEventListener('hashchange', onHash);
  }, []);

  if (ownerCode !== undefined) {
    return <OwnerLink key={ownerCode} code={ownerCode} session={session} onDone={() => setOwnerCode(undefined)} />;
  }
  if (token === undefined) return <SignIn session={session} />;
  return (
    <ApiProvider session={session}>
      <RouterProvider router={router} />
    </ApiProvider>
  );
}
