// `JsSIP.Utils`: small helpers that applications call too, with JsSIP's results.

import { Rule, said } from '../engine/reading';
import { type causes, causes as CAUSES, SIP_ERROR_CAUSES } from './constants';
import { parse } from './grammar';
import { escapeUser, headerize } from './text';
import { URI } from './uri';

export { escapeUser, headerize };

const kind = (value: unknown): string => Object.prototype.toString.call(value);

/** The number of bytes of `string` in UTF-8. */
export function str_utf8_length(string: string): number {
  return new TextEncoder().encode(String(string)).length;
}

/** Whether it is a plain function: an `async` one is none. */
export function isFunction(fn: unknown): boolean {
  return kind(fn) === '[object Function]';
}

export function isString(str: unknown): str is string {
  return kind(str) === '[object String]';
}

/** Whether it is a whole number, or text of one. */
export function isDecimal(num: unknown): num is number {
  return !isNaN(num as number) && parseFloat(num as string) === parseInt(num as string, 10);
}

export function isEmpty(value: unknown): boolean {
  return (
    value === null ||
    value === '' ||
    value === undefined ||
    (Array.isArray(value) && value.length === 0) ||
    Number.isNaN(value)
  );
}

/** Whether `obj` has *none* of these methods: JsSIP's own way round, kept. */
export function hasMethods(obj: object, ...methodNames: string[]): boolean {
  return !methodNames.some((name) => isFunction((obj as Record<string, unknown>)[name]));
}

/** From 0 to below 1, as random as keys are: identifiers must not be guessed. */
function random(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;
}

const below = (count: number): number => (random() * count) | 0;

/** `size` random digits of that base. */
export function createRandomToken(size: number, base = 32): string {
  let token = '';
  for (let count = 0; count < size; count += 1) token += below(base).toString(base);
  return token;
}

export function newTag(): string {
  return createRandomToken(10);
}

/** A random UUID (RFC 9562 section 5.4). */
export function newUUID(): string {
  // `crypto.randomUUID` is not there on pages without TLS.
  return 'xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx'.replace(/[xy]/g, (digit) =>
    (digit === 'x' ? below(16) : 8 + below(4)).toString(16),
  );
}

/** `domain`, `IPv4` or `IPv6`; `undefined` for what is no host. */
export function hostType(host: string): string {
  return ((host && parse(host, 'host')) as { host_type?: string } | undefined)
    ?.host_type as string;
}

/** A telephone number with what people put between its digits. */
const NUMBER = /^[-.()]*\+?[0-9\-.()]+$/;

/**
 * The URI that somebody means: `bob`, `sip:bob@example.com`, `tel:+1-555-0100`. Where it names no
 * domain, `domain` is taken; `undefined` when there is none, or it is no address.
 */
export function normalizeTarget(target: URI | string, domain?: string): URI | undefined {
  if (target instanceof URI) return target;
  if (!target || typeof target !== 'string') return undefined;
  const at = target.lastIndexOf('@');
  const host = at < 0 ? domain : target.slice(at + 1);
  if (at < 0 && !host) return undefined;
  let user = (at < 0 ? target : target.slice(0, at)).replace(/^(sips?|tel):/i, '');
  if (NUMBER.test(user)) user = user.replace(/[-.()]/g, '');
  return URI.parse(`sip:${escapeUser(user)}@${host}`);
}

/** The cause that a status of 300 and above is reported with. */
export function sipErrorCause(status_code: number): causes {
  for (const [cause, codes] of Object.entries(SIP_ERROR_CAUSES)) {
    if (codes.includes(status_code)) return CAUSES[cause as keyof typeof SIP_ERROR_CAUSES];
  }
  return CAUSES.SIP_FAILURE_CODE;
}

/** An address of the network that is kept for examples (RFC 5737). */
export function getRandomTestNetIP(): string {
  return `192.0.2.${1 + below(254)}`;
}

/** The MD5 of the text's UTF-8, in hexadecimal (RFC 1321). */
export function calculateMD5(string: string): string {
  return said(Rule.Md5, String(string));
}

/** Ends every track of a stream; of an old browser's too. */
export function closeMediaStream(stream?: MediaStream | null): void {
  if (!stream) return;
  try {
    const tracks = stream.getTracks
      ? stream.getTracks()
      : [...(stream as MediaStream).getAudioTracks(), ...(stream as MediaStream).getVideoTracks()];
    for (const track of tracks) track.stop();
  } catch {
    const { stop } = stream as unknown as { stop?: unknown };
    if (typeof stop === 'function') stop.call(stream);
  }
}

export function cloneArray<T = unknown>(array: T[] | null | undefined): T[] {
  return (array && array.slice()) || [];
}

export function cloneObject<T extends object>(obj: T | null | undefined, fallback = {} as T): T {
  return (obj && Object.assign({}, obj)) || fallback;
}
