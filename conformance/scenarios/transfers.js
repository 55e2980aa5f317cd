// REFER and Replaces.

import { headerValue, parseMessage, tagOf } from '../lib/message.mjs';
import { SDP, makeCallRaw } from './by-hand.js';
import { hangUp, rings, stands, talk } from './together.js';

export default {
  'transfers its peer': async ({ alice, bob, join }) => {
    const carol = await join('carol');
    const [call, incoming] = await talk(alice, bob);
    await carol.register();
    incoming.answers('refer', ({ accept }) => accept(() => {}, bob.media()));
    call.refer(carol.uri, { extraHeaders: ['X-Refer: yes'] });
    const transferred = await carol.incoming();
    transferred.answer();
    await call.referred('accepted');
    await hangUp(call, incoming);
    transferred.terminate();
  },

  'its transfer is refused': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    incoming.answers('refer', ({ reject }) => reject());
    call.refer('nobody');
    await call.referred('failed');
    await hangUp(call, incoming);
  },

  'its REFER is refused': async ({ alice, bob }) => {
    const { call, raw } = await makeCallRaw(alice, bob);
    const body = await raw.answerTo(raw.invite.body);
    raw.reply('200 OK', { headers: [SDP], body });
    await call.saw('confirmed');
    call.refer(bob.uri);
    raw.reply('405 Method Not Allowed', { request: await raw.saw('REFER') });
    await call.referred('requestFailed');
    await raw.request('NOTIFY', {
      headers: ['Event: refer;id=99999', 'Subscription-State: active', 'Content-Type: message/sipfrag'], body: 'SIP/2.0 100 Trying',
    });
    await raw.request('BYE');
    await call.saw('ended');
  },

  'its transfer calls somebody who refuses': async ({ alice, bob, join }) => {
    const carol = await join('carol');
    const [call, incoming] = await talk(alice, bob);
    await carol.register();
    incoming.answers('refer', ({ accept }) => accept(() => {}, bob.media()));
    call.refer(carol.uri);
    (await carol.incoming()).terminate({ status_code: 486 });
    await call.referred('failed');
    await hangUp(call, incoming);
  },

  'transfers one peer to the other': async ({ alice, bob, join }) => {
    const carol = await join('carol');
    const [call, incoming] = await talk(alice, bob);
    await carol.register();
    const second = alice.call(carol);
    const other = await carol.incoming();
    other.answer();
    await stands(second, other);
    incoming.answers('refer', ({ accept }) => accept(() => {}, bob.media()));
    other.answers('replaces', ({ accept }) => accept(() => {}));
    carol.onNewCall = (replacing) => replacing.answer();
    call.refer(carol.uri, { replaces: second.session });
    await second.saw('ended');
    await call.referred('accepted');
    await hangUp(call, incoming);
  },

  'refers with wrong arguments': async ({ alice, bob }) => {
    const [call, incoming] = await rings(alice, bob);
    call.do('refer', bob.uri);
    incoming.answer();
    await stands(call, incoming);
    call.do('refer');
    call.do('refer', '');
    call.do('refer', 'a b');
    await hangUp(call, incoming);
    call.do('refer', bob.uri);
  },

  'refers with options that are null': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    incoming.answers('refer', ({ reject }) => reject());
    call.do('refer', bob.uri, null);
    await hangUp(call, incoming);
  },

  'is transferred': async ({ alice, bob, join }) => {
    const carol = await join('carol');
    const [call, incoming] = await talk(alice, bob);
    await carol.register();
    call.answers('refer', ({ accept }) => alice.try('accept()', () =>
      accept((session) => alice.note('app', 'the new session is there', alice.describe(session)),
        alice.media({ extraHeaders: ['X-New: yes'] }))));
    incoming.refer(carol.uri);
    const transferred = await carol.incoming();
    transferred.answer();
    await incoming.referred('accepted');
    await hangUp(incoming, call);
    await hangUp(transferred, alice.calls.at(-1));
  },

  'is to be transferred, and refuses': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    call.answers('refer', ({ reject }) => alice.try('reject()', () => reject()));
    incoming.refer('somebody');
    await incoming.referred('failed');
    await hangUp(call, incoming);
  },

  'is transferred to somebody who refuses': async ({ alice, bob, join }) => {
    const carol = await join('carol');
    const [call, incoming] = await talk(alice, bob);
    await carol.register();
    call.answers('refer', ({ accept }) => accept(() => {}, alice.media()));
    incoming.refer(carol.uri);
    (await carol.incoming()).terminate({ status_code: 486 });
    await incoming.referred('failed');
    await hangUp(incoming, call);
  },

  'is to be transferred, and nobody listens': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    incoming.refer('somebody');
    await incoming.referred('trying');
    await hangUp(incoming, call);
  },

  'gets a REFER without a target': async ({ alice, bob }) => {
    const { call, raw } = await makeCallRaw(alice, bob);
    const body = await raw.answerTo(raw.invite.body);
    raw.reply('200 OK', { headers: [SDP], body });
    await call.saw('confirmed');
    await raw.request('REFER');
    await raw.request('NOTIFY', {
      headers: ['Event: refer', 'Subscription-State: active', 'Content-Type: message/sipfrag'], body: 'SIP/2.0 100 Trying',
    });
    await raw.request('BYE');
    await call.saw('ended');
  },

  'one of its calls is replaced': async ({ alice, bob, join }) => {
    const carol = await join('carol');
    const [call, incoming] = await talk(bob, alice);
    await carol.register();
    incoming.answers('replaces', ({ accept }) => alice.try('accept()', () => accept(() => {})));
    const replacing = carol.call(alice, carol.media({ extraHeaders: [`Replaces: ${replacesOf(alice, incoming.request)}`] }));
    const second = await alice.incoming(2);
    second.answer();
    await Promise.all([call.saw('ended'), replacing.saw('confirmed')]);
    await hangUp(replacing, second);
  },

  'one of its calls is not to be replaced': async ({ alice, bob, join }) => {
    const carol = await join('carol');
    const [call, incoming] = await talk(bob, alice);
    await carol.register();
    incoming.answers('replaces', ({ reject }) => alice.try('reject()', () => reject()));
    const replacing = carol.call(alice, carol.media({ extraHeaders: [`Replaces: ${replacesOf(alice, incoming.request)}`] }));
    await replacing.saw('failed');
    await hangUp(call, incoming);
  },

  'a call is to be replaced that it does not have': async ({ alice, bob }) => {
    await Promise.all([alice.register(), bob.register()]);
    const call = bob.call(alice, bob.media({ extraHeaders: ['Replaces: unknown;to-tag=a;from-tag=b'] }));
    await call.saw('failed');
  },

  'a call is to be replaced that still rings': async ({ alice, bob, join }) => {
    const carol = await join('carol');
    const [call, incoming] = await rings(bob, alice);
    await carol.register();
    const replacing = carol.call(alice, carol.media({ extraHeaders: [`Replaces: ${replacesOf(alice, incoming.request)}`] }));
    await replacing.saw('failed');
    incoming.terminate();
    await call.saw('failed');
  },
};

/** The value of Replaces for the dialog of an INVITE that has come in. */
const replacesOf = (alice, { call_id, from_tag }) => {
  const ringing = parseMessage(alice.last('→ 180 INVITE'));
  return `${call_id};to-tag=${tagOf(headerValue(ringing, 'To'))};from-tag=${from_tag}`;
};
