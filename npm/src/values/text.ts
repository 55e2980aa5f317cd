// How names and user parts are spelled.

/** Names whose spelling is not one capital a word. */
const SPELLED: Record<string, string> = {
  'Call-Id': 'Call-ID',
  Cseq: 'CSeq',
  'Www-Authenticate': 'WWW-Authenticate',
};

/** What was asked for before, as few names come again and again; a peer may send many others. */
const spellings = new Map<string, string>();
const MOST = 256;

/** A header's name as the objects of messages and URIs keep it: `x_note` is `X-Note`. */
export function headerize(name: string): string {
  return spellings.get(name) ?? spell(name);
}

function spell(name: string): string {
  const lower = name
    .toLowerCase()
    .replace(/_/g, '-')
    .replace(/(^|-)[^-]/g, (start) => start.toUpperCase());
  const spelled = SPELLED[lower] ?? lower;
  if (spellings.size < MOST) spellings.set(name, spelled);
  return spelled;
}

/**
 * The user part of a URI with escapes where a URI needs them; `:`, `+`, `?` and `/` stay. Escapes
 * that are there already are kept, and what cannot be one is text.
 */
export function escapeUser(user: string): string {
  return encodeURIComponent(unescape(String(user)).replace(/\p{Surrogate}/gu, '\ufffd')).replace(
    /%(?:3A|2B|3F|2F)/g,
    decodeURIComponent,
  );
}

/** `text` without its escapes; as it is, when they are no UTF-8. */
export function unescape(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
