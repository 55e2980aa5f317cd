// SIP messages for tests: read apart, and written.

/** A SIP message, or a keep-alive, as it was sent. */
export class SipMessage {
  constructor(text) {
    this.text = typeof text === 'string' ? text : new TextDecoder().decode(text);
    const [head, ...rest] = this.text.split('\r\n\r\n');
    const [start = '', ...lines] = head.split('\r\n');
    this.start = start;
    this.lines = lines;
    this.body = rest.join('\r\n\r\n');
    const [first = '', second = ''] = start.split(' ');
    if (first === 'SIP/2.0') this.status = Number(second);
    else {
      this.method = first;
      this.target = second;
    }
  }

  /** The value of the first header of this name. */
  get(name) {
    return this.all(name)[0];
  }

  /** The values of all headers of this name, in their order. */
  all(name) {
    const prefix = `${name.toLowerCase()}:`;
    return this.lines
      .filter((line) => line.toLowerCase().startsWith(prefix))
      .map((line) => line.slice(prefix.length).trim());
  }

  /** A tag of From or To. */
  tag(name) {
    return /;tag=([^;\s]+)/.exec(this.get(name))?.[1];
  }

  /** The number of the CSeq. */
  get number() {
    return parseInt(this.get('CSeq'), 10);
  }
}

let count = 0;
/** A name that no other message of the test has. */
export function unique(prefix) {
  count += 1;
  return `${prefix}${count}`;
}

function write(lines, body) {
  const length = new TextEncoder().encode(body).length;
  return [...lines, `Content-Length: ${length}`, '', body].join('\r\n');
}

/** A response to a request that the user agent has sent. */
export function respondTo(request, status, headers = [], body = '') {
  let to = request.get('To');
  if (status > 100 && !/;tag=/.test(to)) to += `;tag=${unique('server')}`;
  return write(
    [
      `SIP/2.0 ${status} Because`,
      ...request.all('Via').map((via) => `Via: ${via}`),
      `From: ${request.get('From')}`,
      `To: ${to}`,
      `Call-ID: ${request.get('Call-ID')}`,
      `CSeq: ${request.get('CSeq')}`,
      ...headers,
    ],
    body,
  );
}

/**
 * A request from a peer outside any dialog, or inside where `to` and `from` have tags.
 *
 * `dialog` may name `target`, `to`, `from`, `callId` and `number`.
 */
export function requestOf(method, dialog = {}, headers = [], body = '') {
  const {
    target = 'sip:alice@example.com',
    to = '<sip:alice@example.com>',
    from = `"Bob" <sip:bob@example.com>;tag=${unique('bob')}`,
    callId = unique('call'),
    number = 1,
  } = dialog;
  return write(
    [
      `${method} ${target} SIP/2.0`,
      `Via: SIP/2.0/WSS server.example;branch=z9hG4bK${unique('branch')}`,
      'Max-Forwards: 70',
      `To: ${to}`,
      `From: ${from}`,
      `Call-ID: ${callId}`,
      `CSeq: ${number} ${method}`,
      ...headers,
    ],
    body,
  );
}
