// What many stories begin with.

/** The parties are registered. */
export const registered = (...parties) => Promise.all(parties.map((party) => party.register()));

/** Both are registered, `caller` calls, and it rings at `callee`. Gives both sides of the call. */
export async function rings(caller, callee, options = caller.media()) {
  await Promise.all([caller, callee].map((party) => party.ua ?? party.register()));
  const calls = callee.count('incoming');
  const call = caller.call(callee, options);
  const incoming = await callee.incoming(calls + 1);
  await Promise.all([call.saw('progress'), incoming.saw('progress')]);
  return [call, incoming];
}

/** The same, and the call is answered and stands. */
export async function talk(caller, callee, options, answer) {
  const [call, incoming] = await rings(caller, callee, options);
  incoming.answer(answer);
  await stands(call, incoming);
  return [call, incoming];
}

export const stands = (...calls) => Promise.all(calls.map((call) => call.saw('confirmed')));

/** One side hangs up, and the other has heard of it. */
export async function hangUp(one, other) {
  one.terminate();
  await other.saw('ended');
}

/** Makes stories of one shape: `make(value)` for each value, by `name(value)`. */
export const each = (values, name, make) =>
  Object.fromEntries(values.map((value) => [name(value), make(value)]));
