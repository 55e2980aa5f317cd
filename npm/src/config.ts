// The configuration of a user agent: what is allowed, what stands where nothing is given, and what
// the engine is told of it.

import type { ConfigParameter, ConfigValue } from './engine/commands';
import type { EngineConfig } from './engine/engine';
import { isSocket } from './socket';
import type { Socket, WeightedSocket } from './socket';
import {
  CONNECTION_RECOVERY_MAX_INTERVAL,
  CONNECTION_RECOVERY_MIN_INTERVAL,
  USER_AGENT,
} from './values/constants';
import { ConfigurationError } from './values/exceptions';
import { URI } from './values/uri';
import { createRandomToken, isDecimal, isEmpty, newUUID } from './values/utils';

/** What `new UA()` takes. Times are in seconds. */
export interface UAConfiguration {
  /** The ways to the server, in order of preference where they have weights. */
  sockets: Socket | (Socket | Partial<WeightedSocket>)[];
  /** The address of record: `alice@example.com`, with or without `sip:`. */
  uri: string;

  /** The user name for digest authentication. Default: the user of `uri`. */
  authorization_user?: string;
  password?: string;
  /** The realm that `ha1` is for. */
  realm?: string;
  /** The MD5 hash of user, realm and password, in place of `password`. */
  ha1?: string;
  /** The whole value of the Authorization header of every request. */
  authorization_jwt?: string;
  display_name?: string;
  /** The Contact of requests. Default: a random user at a host ending in `.invalid`. */
  contact_uri?: string;
  /** A UUID that names this instance (RFC 5626). Default: a random one. */
  instance_id?: string;
  /** Whether requests have a Route to the server's address. Default: false. */
  use_preloaded_route?: boolean;

  /** Whether sessions are refreshed (RFC 4028). Default: true. */
  session_timers?: boolean;
  /** `'UPDATE'` or `'INVITE'`. Default: `'UPDATE'`. */
  session_timers_refresh_method?: string;
  /** Whether this side refreshes, even where the peer knows no timers. Default: false. */
  session_timers_force_refresher?: boolean;
  /** How long an incoming call may ring. Default: 60. */
  no_answer_timeout?: number;

  /** Whether to register when the connection stands. Default: true. */
  register?: boolean;
  /** Default: 600. */
  register_expires?: number;
  /** Follows the tag in the From header of REGISTER requests. */
  register_from_tag_trail?: string | (() => string);
  /** Default: the host of `uri`. */
  registrar_server?: string;

  /** Bounds of the wait before a lost connection is made again. Default: 2 and 30. */
  connection_recovery_min_interval?: number;
  connection_recovery_max_interval?: number;
  /** The User-Agent header. */
  user_agent?: string;
  /** Added to every request and response: 'X-Note: hello'. */
  extra_headers?: string[];

  // What JsSIP does not have.

  /** How long an offer or answer waits for ICE candidates. Default: 0.5. */
  gathering_timeout?: number;
  /** Whether candidates follow one by one where the peer takes them (RFC 8840). Default: true. */
  trickle_ice?: boolean;
  /** How long requests wait for a lost connection, and sessions for lost media. Default: 32. */
  recovery_timeout?: number;
  /** How long media may take to connect after the answer, before ICE is restarted. Default: 30. */
  media_timeout?: number;
  /** The longest time between two keep-alives; 0: none. Default: 30. */
  keep_alive?: number;
  /** Event packages that peers may subscribe to: 'presence'. Default: any. */
  event_packages?: string[];
  /** Makes peer connections where the platform has none, as in Node. */
  rtc_peer_connection?: new (configuration?: RTCConfiguration) => RTCPeerConnection;
}

/** `ua.configuration`: checked, complete, and not to be changed but where noted. */
export interface UASettings {
  /** Can be changed. */
  authorization_user: string;
  /** Can be changed. */
  password: string | null;
  /** Can be changed. */
  realm: string | null;
  /** Can be changed. */
  ha1: string | null;
  /** Can be changed. */
  authorization_jwt: string | null;
  /** Can be changed. */
  display_name: string | null;
  readonly uri: URI;
  readonly contact_uri: URI;
  readonly instance_id: string;
  readonly use_preloaded_route: boolean;
  readonly session_timers: boolean;
  readonly session_timers_refresh_method: 'UPDATE' | 'INVITE';
  readonly session_timers_force_refresher: boolean;
  /** Milliseconds. */
  readonly no_answer_timeout: number;
  /** Can be changed; counts from the next `start()`. */
  register: boolean;
  readonly register_expires: number;
  readonly register_from_tag_trail: string | (() => string);
  readonly registrar_server: URI;
  readonly connection_recovery_max_interval: number;
  readonly connection_recovery_min_interval: number;
  /** Can be changed. */
  extra_headers: string[] | null;
  readonly via_host: string;
  readonly user_agent?: string;
  readonly jssip_id: string;
  readonly hostport_params: string;
  readonly gathering_timeout?: number;
  readonly trickle_ice?: boolean;
  readonly recovery_timeout?: number;
  readonly media_timeout?: number;
  readonly keep_alive?: number;
  readonly event_packages?: string[];
  readonly rtc_peer_connection?: UAConfiguration['rtc_peer_connection'];
}

/** What may be assigned to, and reaches the engine at once. */
const CHANGEABLE = [
  'authorization_user',
  'password',
  'realm',
  'ha1',
  'authorization_jwt',
  'display_name',
  'extra_headers',
] as const;
type Changeable = (typeof CHANGEABLE)[number];

/** Gives a value in the form in which it is kept; `undefined` where it is not allowed. */
type Check = (value: never) => unknown;

const boolean: Check = (value: unknown) => (typeof value === 'boolean' ? value : undefined);
const text: Check = (value: unknown) => (typeof value === 'string' ? value : undefined);
const asText: Check = (value: unknown) => String(value);

const atLeast =
  (least: number): Check =>
  (value: unknown) =>
    isDecimal(value) && Number(value) >= least ? Number(value) : undefined;

const seconds: Check = (value: unknown) =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;

const texts: Check = (value: unknown) =>
  Array.isArray(value) && value.length > 0
    ? value.filter((entry) => typeof entry === 'string')
    : undefined;

const withScheme = (address: unknown) =>
  URI.parse(/^sip:/i.test(String(address)) ? String(address) : `sip:${address}`);

/** What may stand between the quotes of a quoted string (RFC 3261 section 25.1). */
const QUOTABLE =
  /^(?:[\t \x21\x23-\x5b\x5d-\x7e\u0080-\uffff]|\\[\x00-\x09\x0b\x0c\x0e-\x7f])*$/;
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

const MANDATORY: Record<string, Check> = {
  sockets: (value: unknown) => {
    const sockets = isSocket(value) ? [value] : value;
    if (!Array.isArray(sockets) || sockets.length === 0) return undefined;
    return sockets
      .map((entry) => (isSocket(entry) ? { socket: entry } : entry))
      .filter((entry) => isSocket(entry?.socket));
  },
  uri: (value: unknown) => {
    const uri = withScheme(value);
    return uri?.user ? uri : undefined;
  },
};

const OPTIONAL: Record<string, Check> = {
  authorization_user: (value: unknown) => (QUOTABLE.test(String(value)) ? value : undefined),
  authorization_jwt: text,
  user_agent: text,
  connection_recovery_max_interval: atLeast(1),
  connection_recovery_min_interval: atLeast(1),
  contact_uri: (value: unknown) => (typeof value === 'string' ? URI.parse(value) : undefined),
  display_name: (value: unknown) => value,
  instance_id: (value: unknown) => {
    const id = String(value).replace(/^uuid:/i, '');
    return UUID.test(id) ? id : undefined;
  },
  no_answer_timeout: atLeast(1),
  session_timers: boolean,
  session_timers_refresh_method: (value: unknown) => {
    const method = typeof value === 'string' ? value.toUpperCase() : '';
    return method === 'UPDATE' || method === 'INVITE' ? method : undefined;
  },
  session_timers_force_refresher: boolean,
  password: asText,
  realm: asText,
  ha1: asText,
  register: boolean,
  register_expires: atLeast(0),
  register_from_tag_trail: (value: unknown) =>
    typeof value === 'function' ? value : String(value),
  registrar_server: (value: unknown) => {
    const uri = withScheme(value);
    return uri && !uri.user ? uri : undefined;
  },
  use_preloaded_route: boolean,
  extra_headers: texts,
  gathering_timeout: seconds,
  trickle_ice: boolean,
  recovery_timeout: seconds,
  media_timeout: seconds,
  keep_alive: seconds,
  event_packages: texts,
  rtc_peer_connection: (value: unknown) => (typeof value === 'function' ? value : undefined),
};

/** A configuration as it was found good. */
export interface Loaded {
  settings: UASettings;
  sockets: Partial<WeightedSocket>[];
}

/** Hears of a change. */
export type Changed = (parameter: ConfigParameter, value: ConfigValue) => void;

/** Throws a `ConfigurationError` that names the parameter. */
export function load(given: UAConfiguration, changed: Changed): Loaded {
  const values: Record<string, unknown> = {
    authorization_user: null,
    password: null,
    realm: null,
    ha1: null,
    authorization_jwt: null,
    display_name: null,
    uri: null,
    contact_uri: null,
    instance_id: null,
    use_preloaded_route: false,
    session_timers: true,
    session_timers_refresh_method: 'UPDATE',
    session_timers_force_refresher: false,
    no_answer_timeout: 60,
    register: true,
    register_expires: 600,
    register_from_tag_trail: '',
    registrar_server: null,
    sockets: null,
    connection_recovery_max_interval: CONNECTION_RECOVERY_MAX_INTERVAL,
    connection_recovery_min_interval: CONNECTION_RECOVERY_MIN_INTERVAL,
    extra_headers: null,
    via_host: `${createRandomToken(12)}.invalid`,
  };
  const source = given as unknown as Record<string, unknown>;
  for (const [parameter, check] of Object.entries(MANDATORY)) {
    if (!Object.hasOwn(source, parameter)) throw new ConfigurationError(parameter);
    values[parameter] = checked(parameter, source[parameter], check);
  }
  for (const [parameter, check] of Object.entries(OPTIONAL)) {
    // What is empty, or NaN, is as if it were not there.
    if (!Object.hasOwn(source, parameter) || isEmpty(source[parameter])) continue;
    values[parameter] = checked(parameter, source[parameter], check);
  }
  const sockets = values['sockets'] as Partial<WeightedSocket>[];
  delete values['sockets'];
  // As in JsSIP, what is told of is what was left of the list, and last.
  const areWeighed = sockets.every(({ weight }) => !weight || Number(weight));
  if (sockets.length === 0 || !areWeighed) throw new ConfigurationError('sockets', sockets);
  complete(values);
  return { settings: seal(values, changed), sockets };
}

function checked(parameter: string, value: unknown, check: Check): unknown {
  const good = check(value as never);
  if (good === undefined) throw new ConfigurationError(parameter, value);
  return good;
}

/** Fills in what follows from the rest. */
function complete(values: Record<string, unknown>): void {
  const uri = values['uri'] as URI;
  if (values['display_name'] === 0) values['display_name'] = '0';
  values['instance_id'] ??= newUUID();
  values['jssip_id'] = createRandomToken(5);
  const domain = uri.clone();
  domain.user = null;
  values['hostport_params'] = domain.toString().replace(/^sip:/i, '');
  values['authorization_user'] ||= uri.user;
  if (!values['registrar_server']) {
    const registrar = uri.clone();
    registrar.user = null;
    registrar.clearParams();
    registrar.clearHeaders();
    values['registrar_server'] = registrar;
  }
  values['no_answer_timeout'] = (values['no_answer_timeout'] as number) * 1000;
  const contact = values['contact_uri'] as URI | null;
  if (contact) values['via_host'] = contact.host;
  else {
    const host = values['via_host'] as string;
    values['contact_uri'] = new URI('sip', createRandomToken(8), host, null, { transport: 'ws' });
  }
}

/** Nothing can be changed but what may be. */
function seal(values: Record<string, unknown>, changed: Changed): UASettings {
  const settings = {};
  for (const parameter of Object.keys(values)) {
    let value = values[parameter];
    const changeable = CHANGEABLE.find((name) => name === parameter);
    const set = (next: unknown): void => {
      value = next;
      if (changeable) changed(changeable, toEngine(next));
    };
    // Accessors throughout: a proxy around this may hand out proxies of the values, as Vue's does.
    Object.defineProperty(settings, parameter, {
      get: () => value,
      // Whether to register counts from the next start.
      set: changeable || parameter === 'register' ? set : undefined,
      enumerable: true,
    });
  }
  return settings as UASettings;
}

function toEngine(value: unknown): ConfigValue {
  if (value === null || value === undefined) return undefined;
  return Array.isArray(value) ? value.map(String) : String(value);
}

/** What the engine is told. `socket` is the one that comes first. */
export function engineConfig(settings: UASettings, socket: Socket, tagTrail: string): EngineConfig {
  const changeable = CHANGEABLE.map((name) => [name, toEngine(settings[name])]);
  return {
    user_agent: USER_AGENT,
    // Where nobody listens, a SUBSCRIBE is refused all the same.
    event_packages: ['*'],
    ...settings,
    ...(Object.fromEntries(changeable) as Required<Pick<EngineConfig, Changeable>>),
    uri: String(settings.uri),
    contact_uri: String(settings.contact_uri),
    registrar_server: String(settings.registrar_server),
    server: serverOf(socket),
    register_from_tag_trail: tagTrail,
  };
}

/** Where a socket leads, by its SIP URI: its URL may be anything. */
function serverOf(socket: Socket): string {
  const uri = URI.parse(socket.sip_uri);
  const scheme = /s$/i.test(socket.via_transport) ? 'wss' : 'ws';
  return `${scheme}://${uri?.host ?? 'server.invalid'}${uri?.port ? `:${uri.port}` : ''}`;
}
