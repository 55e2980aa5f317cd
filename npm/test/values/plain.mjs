// What a call comes to, in a form that can be compared: classes, order and prototypes do not count.

export function plain(value) {
  if (value === undefined) return 'undefined';
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  const entries = Object.entries(value).map(([key, inner]) => [key, plain(inner)]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What `action` returns, or `{ thrown }`, the kind of error. */
export function outcome(action) {
  try {
    return plain(action());
  } catch (error) {
    return { thrown: error.name };
  }
}
