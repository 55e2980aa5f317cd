// SIP messages as lines of text: enough to compare them, and to play a peer that is no library.

/** Takes a message apart: `{ start, headers: [[name, value], …], body }`; folding is undone. */
export function parseMessage(text) {
  const end = text.indexOf('\r\n\r\n');
  const head = end < 0 ? text : text.slice(0, end);
  const [start, ...lines] = head.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  const headers = lines.filter(Boolean).map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  });
  return { start, headers, body: end < 0 ? '' : text.slice(end + 4) };
}

/** All values of a header, in order. */
export const headerValues = (message, name) =>
  message.headers
    .filter(([other]) => other.toLowerCase() === name.toLowerCase())
    .map(([, value]) => value);

/** The first value of a header. */
export const headerValue = (message, name) => headerValues(message, name)[0];

/** The status code of a response, as a number. */
export const statusOf = ({ start }) => Number(/^SIP\/2\.0 (\d{3})/.exec(start)?.[1] ?? 0);

/** The method: of the request, or of the request that a response answers. */
export const methodOf = (message) => headerValue(message, 'CSeq')?.split(/\s+/)[1];

/** What makes a transaction: the branch of the topmost Via and the method, an ACK's apart. */
export function transactionOf(message) {
  const branch = /;branch=([^;,\s]+)/.exec(headerValue(message, 'Via') ?? '')?.[1];
  return `${branch} ${methodOf(message)}`;
}

/** The tag of a From or To value. */
export const tagOf = (value) => /;\s*tag=([^;,\s>]+)/.exec(value ?? '')?.[1];

/** The URI of a Contact, Route, From or To value. */
export const uriOf = (value) => /<([^>]*)>/.exec(value)?.[1] ?? value.split(/[;,\s]/)[0];
