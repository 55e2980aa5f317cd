// Calls whose peer is played by the story, message by message.

import { parseMessage, transactionOf } from '../lib/message.mjs';
import { makeCall, takeCall } from '../page/raw.js';

export { SDP, takeCall } from '../page/raw.js';

const sameTransaction = (one, two) =>
  transactionOf(parseMessage(one)) === transactionOf(parseMessage(two));

/** Alice calls bob, who answers by hand; the INVITE is there. Gives the call and bob's side of it. */
export async function makeCallRaw(alice, bob, options) {
  await Promise.all([alice, bob].map((party) => party.ua ?? party.register()));
  const taken = takeCall(bob);
  const call = alice.call(bob, options);
  const raw = await taken;
  // That of this INVITE: the server may have sent one before it asked for credentials.
  const sent = await alice.passed('→ INVITE', alice.count('→ INVITE'));
  const trying = (text) => sameTransaction(text, sent);
  for (let nth = 1; !trying(await alice.passed('← 100 INVITE', nth)); nth += 1);
  return { call, raw };
}

/** Bob calls alice by hand, with `offer`, headers or nothing. Gives bob's side. */
export async function takeCallRaw(alice, bob, options) {
  await Promise.all([alice, bob].map((party) => party.ua ?? party.register()));
  return makeCall(bob, alice.uri, options);
}
