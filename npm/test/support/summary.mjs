// What an event is about, without what is different in every call: to compare two libraries.

/** A listener's argument, as text. */
export function summary(name, event) {
  if (event === undefined) return name;
  if (event instanceof Error) return `${name} ${event.name}: ${event.message}`;
  const fields = Object.keys(event)
    .sort()
    .map((key) => `${key}=${value(key, event[key])}`);
  return `${name} {${fields.join(', ')}}`;
}

function value(key, given) {
  if (given === null || given === undefined || typeof given === 'boolean') return String(given);
  if (typeof given === 'function') return 'function';
  if (key === 'sdp') return `${given.split(/^m=/m).length - 1} sections`;
  if (typeof given !== 'object') return JSON.stringify(given);
  if (key === 'candidate' || key === 'peerconnection' || key === 'session') return key;
  if (key === 'status_line') return `${given.status_code} ${given.reason_phrase}`;
  if ('tone' in given) return `tone ${given.tone} for ${given.duration}`;
  if ('contentType' in given) return `${given.contentType}: ${given.body}`;
  if (given.status_code) return `${given.status_code} ${given.method}`;
  return `${given.method} ${given.ruri?.scheme}`;
}
