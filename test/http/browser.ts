import { TOTP, Secret } from 'otpauth';
import { systemClock, type Clock } from '../../src/kernel/clock.ts';
import type { Ask, Got, Service } from './support.ts';

/** A browser, as far as signing in needs one: it keeps cookies, says where its pages come from, and knows their CSRF. */
export class Browser {
  readonly #service: Service;
  readonly #jar = new Map<string, string>();
  readonly #origin: string;
  csrf: string | undefined;

  /** `origin` names the server as the browser's address line does. */
  constructor(service: Service, origin = service.url) {
    this.#service = service;
    this.#origin = origin;
  }

  get cookie(): string {
    return [...this.#jar].map(([name, value]) => `${name}=${value}`).join('; ');
  }
  set cookie(text: string) {
    this.#jar.clear();
    for (const part of text.split('; ').filter(Boolean))
      this.#jar.set(part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1));
  }

  async ask(line: string, body?: unknown, headers: Ask['headers'] = {}): Promise<Got> {
    const change = !line.startsWith('GET ');
    const answer = await this.#service.ask(line, {
      base: this.#origin,
      redirect: 'manual',
      body,
      headers: {
        ...(this.#jar.size === 0 ? {} : { Cookie: this.cookie }),
        ...(change ? { Origin: this.#origin, 'Sec-Fetch-Site': 'same-origin' } : {}),
        ...(change && this.csrf !== undefined ? { 'X-CSRF-Token': this.csrf } : {}),
        'X-Proxmox-Agent-Client': 'web',
        ...headers,
      },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') this.#jar.delete(name);
      else this.#jar.set(name, value);
    }
    if (typeof answer.json['csrf'] === 'string') this.csrf = answer.json['csrf'];
    return answer;
  }

  signIn(name: string, password: string, factor?: unknown): Promise<Got> {
    return this.ask('POST /v1/session', { name, password, ...(factor === undefined ? {} : { factor }) });
  }
}

export const PASSWORD = 'a-quiet-harbour-47';

/** Invites a person and lets it in, as a browser that is signed in. */
export async function join(
  service: Service,
  admin: string,
  name: string,
  grants: Record<string, string>,
): Promise<{ readonly id: string; readonly browser: Browser }> {
  const invited = await service.ask('POST /v1/people', { token: admin, body: { name, grants } });
  const { id, invitation } = invited.json as { id: string; invitation: { code: string } };
  const browser = new Browser(service);
  const joined = await browser.ask('POST /v1/invitation', { code: invitation.code, password: PASSWORD });
  if (joined.status !== 200) throw new Error(joined.text);
  return { id, browser };
}

/** An authenticator app: what it shows at a time. */
export const codeAt = (secret: string, clock: Clock): string =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: clock.now() });

/** Sets an authenticator up for who is signed in; answers its secret and the recovery codes. */
export async function enrol(browser: Browser, clock: Clock): Promise<{ secret: string; codes: string[] }> {
  const { json } = await browser.ask('POST /v1/me/totp', { current_password: PASSWORD });
  const secret = String(json['secret']);
  const on = await browser.ask('POST /v1/me/totp/confirm', { code: codeAt(secret, clock) });
  if (on.status !== 200) throw new Error(on.text);
  return { secret, codes: on.json['recovery_codes'] as string[] };
}

/** The real time, and what was added to it: nothing that waits in the background moves it. */
export function movable(): Clock & { advance(ms: number): void } {
  const stands = Date.now();
  let added = 0;
  return {
    now: () => stands + added,
    sleep: (ms, signal) => systemClock.sleep(ms, signal),
    advance: (ms) => void (added += ms),
  };
}
