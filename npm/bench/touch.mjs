// What the benchmark looks at in a message: all that JsSIP has read of it when it gives it out.

/** The number of letters and of parameters of an address. */
function touchAddress({ display_name, uri, _parameters }) {
  return (display_name ?? '').length + uri.scheme.length + (uri.user ?? '').length + uri.host.length +
    (uri.port ?? 0) + Object.keys(uri._parameters).length + Object.keys(_parameters).length;
}

/** Looks at all that JsSIP has read; the number keeps the engine from leaving the work out. */
export function touch(message) {
  let sum = message.status_code === undefined
    ? message.ruri.host.length + message.ruri.scheme.length
    : message.status_code + message.reason_phrase.length;
  sum += message.method.length + message.call_id.length + message.cseq + message.body.length;
  sum += touchAddress(message.from) + touchAddress(message.to) + message.from_tag.length;
  sum += (message.to_tag ?? '').length + message.via_branch.length;
  sum += message.via.host.length + message.via.transport.length + message.via.branch.length;
  sum += message.session_expires ?? 0;
  for (const name of ['contact', 'record-route']) {
    const { length } = message.getHeaders(name);
    for (let at = 0; at < length; at += 1) sum += touchAddress(message.parseHeader(name, at));
  }
  const { headers } = message;
  for (const name in headers) for (const { raw } of headers[name]) sum += name.length + raw.length;
  return sum;
}
