import {
  browserSupportsWebAuthn,
  startAuthentication,
  startRegistration,
  type AuthenticationResponseJSON,
  type RegistrationResponseJSON,
} from '@simplewebauthn/browser';

type Options = Readonly<Record<string, unknown>>;

/** Why this browser can use no passkey on this address, or undefined. */
export function noPasskeys(): string | undefined {
  const { hostname, port, protocol } = window.location;
  if (/^[\d.]+$|:/.test(hostname)) {
    const here = hostname.startsWith('127.') || hostname === '[::1]';
    const instead = here
      ? `${protocol}//localhost${port === '' ? '' : `:${port}`}`
      : 'an address with a name and https';
    return `Browsers know passkeys for names only: open the page at ${instead}.`;
  }
  return browserSupportsWebAuthn() ? undefined : 'This browser offers no passkeys here; they need https.';
}

/** Errors: an Error in plain words, also when the person gives up. */
async function inWords<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const given = error instanceof Error ? error.name : '';
    if (given === 'InvalidStateError')
      throw new Error('This device has a passkey for you here already.', { cause: error });
    throw new Error('No passkey was used: it was not confirmed, or this device has none for here.', { cause: error });
  }
}

export const askPasskey = (options: Options): Promise<AuthenticationResponseJSON> =>
  inWords(
    startAuthentication({
      optionsJSON: options as unknown as Parameters<typeof startAuthentication>[0]['optionsJSON'],
    }),
  );

export const makePasskey = (options: Options): Promise<RegistrationResponseJSON> =>
  inWords(
    startRegistration({ optionsJSON: options as unknown as Parameters<typeof startRegistration>[0]['optionsJSON'] }),
  );
