// What the server says about itself, and what the browser remembers.

/** Somebody who can be called without typing. */
export interface Contact {
  name: string;
  address: string;
  about?: string;
}

/** An account that the server offers to try. */
export interface DemoAccount {
  address: string;
  password?: string;
}

/** What `config.json` beside the page says; everything may be missing. */
export interface ServerConfig {
  /** The URL of the WebSocket. */
  server: string;
  domain: string;
  accounts: DemoAccount[];
  numbers: Contact[];
}

/** How key presses travel during a call. */
export type Tones = 'INFO' | 'RFC2833';

/** What somebody signs in with. */
export interface Account {
  server: string;
  address: string;
  password: string;
  displayName: string;
  tones: Tones;
  /** STUN and TURN servers, as URLs. */
  iceServers: string[];
}

/** Reads `config.json`; without one the account is typed in. */
export async function loadConfig(): Promise<ServerConfig> {
  const found = await fetch('./config.json').then(
    (response) => (response.ok ? response.json() : {}),
    () => ({}),
  );
  const config = (typeof found === 'object' && found !== null ? found : {}) as Partial<ServerConfig>;
  return {
    server: typeof config.server === 'string' ? socketUrl(config.server) : '',
    domain: typeof config.domain === 'string' ? config.domain : location.hostname,
    accounts: Array.isArray(config.accounts) ? config.accounts.filter(hasAddress) : [],
    numbers: Array.isArray(config.numbers) ? config.numbers.filter(hasAddress) : [],
  };
}

const hasAddress = (entry: unknown): entry is Contact =>
  typeof (entry as Partial<Contact> | null)?.address === 'string';

/** During development the page comes from another server than the exchange; see vite.config.ts. */
declare const EXCHANGE: string;

/** A WebSocket URL, from one that may be relative to this page. */
function socketUrl(url: string): string {
  const whole = new URL(url, import.meta.env.DEV ? EXCHANGE : location.href);
  if (whole.protocol === 'http:') whole.protocol = 'ws:';
  if (whole.protocol === 'https:') whole.protocol = 'wss:';
  return whole.href;
}

const KEY = 'offhook.account';

/** What was remembered. The password is there only if its owner wanted it kept. */
export function remembered(): Partial<Account> {
  try {
    return (JSON.parse(localStorage.getItem(KEY) ?? '{}') ?? {}) as Partial<Account>;
  } catch {
    return {};
  }
}

/** Remembers an account, with its password only if `password` is true. */
export function remember(account: Account, password: boolean): void {
  const { password: secret, ...rest } = account;
  try {
    localStorage.setItem(KEY, JSON.stringify(password ? { ...rest, password: secret } : rest));
  } catch {
    // A browser that keeps nothing asks again next time.
  }
}

export function forget(): void {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // Then there is nothing to forget.
  }
}
