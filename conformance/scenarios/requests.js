// MESSAGE, OPTIONS, SUBSCRIBE and NOTIFY outside of calls.

import { makeCall } from '../page/raw.js';
import { registered } from './together.js';

const ENDS = ['succeeded', 'failed'];
const SUBSCRIBER = ['pending', 'accepted', 'active', 'notify', 'terminated'];
const NOTIFIER = ['subscribe', 'expired', 'terminated'];

/** Alice's notifier for the next subscription, with the `options` of `ua.notify`. */
const notifies = async (alice, options, content = 'text/plain') => {
  const { request } = await alice.saw('newSubscribe');
  const notifier = alice.try('ua.notify()', () => alice.ua.notify(request, content, options));
  alice.follow(notifier, 'notifier', NOTIFIER);
  alice.try('start()', () => notifier.start());
  return notifier;
};

const subscribes = (party, target, options = {}, event = 'presence', accept = 'text/plain') => {
  const subscriber = party.try('ua.subscribe()', () => party.ua.subscribe(target.uri, event, accept, options));
  party.follow(subscriber, 'subscriber', SUBSCRIBER);
  return subscriber;
};

export default {
  'sends a MESSAGE, and gets one': async ({ alice, bob }) => {
    await registered(alice, bob);
    const eventHandlers = alice.handlers('message', ENDS);
    alice.try('ua.sendMessage()', () => alice.ua.sendMessage(bob.uri, 'hellö', {
      eventHandlers, extraHeaders: ['X-Message: yes'], contentType: 'text/html',
    }));
    await alice.saw('message: succeeded');
    bob.ua.sendMessage(alice.uri, 'hello');
    await alice.saw('newMessage', 2);
  },

  'its MESSAGE is refused': async ({ alice, bob }) => {
    await registered(alice, bob);
    bob.ua.on('newMessage', ({ message }) => message.reject({ status_code: 486, reason_phrase: 'Not Now' }));
    alice.try('ua.sendMessage()', () => alice.ua.sendMessage(bob.uri, 'x', { eventHandlers: alice.handlers('message', ENDS) }));
    await alice.saw('message: failed');
  },

  'its MESSAGE finds nobody': async ({ alice, domain }) => {
    await registered(alice);
    alice.try('ua.sendMessage()', () => alice.ua.sendMessage(`sip:nobody@${domain}`, 'x', { eventHandlers: alice.handlers('message', ENDS) }));
    await alice.saw('message: failed');
  },

  'sends wrong messages': async ({ alice, bob }) => {
    await registered(alice, bob);
    alice.try('no target', () => alice.ua.sendMessage());
    alice.try('no body', () => alice.ua.sendMessage(bob.uri));
    alice.try('a wrong target', () => alice.ua.sendMessage('a b', 'x'));
    alice.try('null options', () => alice.ua.sendMessage(bob.uri, 'x', null));
    const message = alice.try('a message', () => alice.ua.sendMessage(bob.uri, '', { fromDisplayName: 'Me' }));
    alice.try('accept()', () => message.accept());
    alice.try('reject()', () => message.reject());
    await bob.saw('newMessage');
  },

  'accepts a MESSAGE': async ({ alice, bob }) => {
    await registered(alice, bob);
    alice.ua.on('newMessage', ({ message, originator }) => {
      if (originator === 'local') return;
      alice.try('accept()', () => message.accept({ extraHeaders: ['X-Yes: yes', 'Content-Type: text/plain'], body: 'thanks' }));
      alice.try('accept() again', () => message.accept());
      alice.try('reject()', () => message.reject());
    });
    bob.ua.sendMessage(alice.uri, 'x', { eventHandlers: bob.handlers('message', ENDS) });
    await bob.saw('message: succeeded');
  },

  'refuses a MESSAGE': async ({ alice, bob }) => {
    await registered(alice, bob);
    alice.ua.on('newMessage', ({ message }) => {
      alice.try('reject(200)', () => message.reject({ status_code: 200 }));
      alice.try('reject(603)', () => message.reject({ status_code: 603, extraHeaders: ['X-No: no'] }));
    });
    bob.ua.sendMessage(alice.uri, 'x', { eventHandlers: bob.handlers('message', ENDS) });
    await bob.saw('message: failed');
  },

  'nobody listens for messages': async ({ alice, bob }) => {
    await bob.register();
    await alice.register({ unheard: ['newMessage', 'newOptions'] });
    bob.ua.sendMessage(alice.uri, 'x', { eventHandlers: bob.handlers('message', ENDS) });
    await bob.saw('message: failed');
    bob.ua.sendOptions(alice.uri, null, { eventHandlers: bob.handlers('options', ENDS) });
    await Promise.race(ENDS.map((event) => bob.saw(`options: ${event}`)));
  },

  'sends OPTIONS, and gets some': async ({ alice, bob }) => {
    await registered(alice, bob);
    const eventHandlers = alice.handlers('options', ENDS);
    alice.try('ua.sendOptions()', () => alice.ua.sendOptions(bob.uri, 'a body', { eventHandlers, extraHeaders: ['X-O: yes'] }));
    await alice.saw('options: succeeded');
    bob.ua.sendOptions(alice.uri, null, {});
    await alice.saw('newOptions', 2);
    alice.try('no target', () => alice.ua.sendOptions());
  },

  'refuses OPTIONS': async ({ alice, bob }) => {
    await registered(alice, bob);
    alice.ua.on('newOptions', ({ message }) => alice.try('reject()', () => message.reject()));
    bob.ua.sendOptions(alice.uri, null, { eventHandlers: bob.handlers('options', ENDS) });
    await bob.saw('options: failed');
  },

  'gets a NOTIFY that nobody has asked for': async ({ alice, bob }) => {
    await registered(alice, bob);
    const raw = await makeCall(bob, alice.uri, {
      method: 'NOTIFY', headers: ['Event: message-summary', 'Subscription-State: terminated', 'Content-Type: text/plain'], body: 'Messages-Waiting: no',
    });
    await raw.saw('final NOTIFY', 2);
    await alice.saw('sipEvent');
  },

  'gets requests that it does not know': async ({ alice, bob }) => {
    await registered(alice, bob);
    for (const method of ['FROBNICATE', 'INFO', 'BYE', 'UPDATE', 'PUBLISH']) {
      const raw = await makeCall(bob, alice.uri, { method });
      await raw.saw(`final ${method}`, 2);
    }
  },

  'subscribes, is notified, unsubscribes': async ({ alice, bob }) => {
    await registered(alice, bob);
    bob.ua.on('newSubscribe', ({ request }) => {
      bob.notifier = bob.ua.notify(request, 'text/plain', { pending: true });
      bob.notifier.on('subscribe', (ends) => ends && bob.notifier.terminate('the end'));
      bob.notifier.start();
      bob.notifier.notify('first');
    });
    const subscriber = subscribes(alice, bob, { expires: 600, contentType: 'text/plain', allowEvents: 'presence', extraHeaders: ['X-S: yes'] });
    alice.try('terminate() too early', () => subscriber.terminate());
    alice.try('subscribe()', () => subscriber.subscribe('a body'));
    await Promise.all([alice.saw('subscriber: accepted'), alice.saw('subscriber: pending')]);
    bob.notifier.setActiveState();
    bob.notifier.notify('second');
    await alice.saw('subscriber: active');
    alice.note('app', 'state', subscriber.state);
    alice.try('terminate()', () => subscriber.terminate());
    alice.try('terminate() again', () => subscriber.terminate());
    await alice.saw('subscriber: terminated');
    alice.try('subscribe() when it is over', () => subscriber.subscribe());
  },

  'its subscription is ended by the peer': async ({ alice, bob }) => {
    await registered(alice, bob);
    bob.ua.on('newSubscribe', ({ request }) => {
      const notifier = bob.ua.notify(request, 'text/plain', {});
      notifier.start();
      notifier.terminate('that was it', 'noresource', 30);
    });
    const subscriber = subscribes(alice, bob);
    alice.try('subscribe()', () => subscriber.subscribe());
    await alice.saw('subscriber: terminated');
  },

  'its subscription is refused': async ({ alice, bob }) => {
    await registered(alice);
    await bob.register({ unheard: ['newSubscribe'] });
    const subscriber = subscribes(alice, bob);
    alice.try('subscribe()', () => subscriber.subscribe());
    await alice.saw('subscriber: terminated');
  },

  'refreshes its subscription': async ({ alice, bob }) => {
    await registered(alice, bob);
    bob.ua.on('newSubscribe', ({ request }) => {
      bob.notifier = bob.ua.notify(request, 'text/plain', {});
      bob.notifier.start();
      bob.notifier.notify('x');
    });
    const subscriber = subscribes(alice, bob, { expires: 20 });
    alice.try('subscribe()', () => subscriber.subscribe());
    await Promise.all([alice.saw('subscriber: accepted'), alice.saw('subscriber: active')]);
    alice.skip(16);
    // JsSIP forgets its routes, and does not get through Kamailio.
    await Promise.race([alice.passed('← 200 SUBSCRIBE', 2), alice.saw('subscriber: terminated')]);
  },

  'subscribes, and nobody notifies it': async ({ alice, bob }) => {
    await registered(alice, bob);
    bob.ua.on('newSubscribe', ({ request }) => bob.ua.notify(request, 'text/plain', {}).start());
    const subscriber = subscribes(alice, bob);
    alice.try('subscribe()', () => subscriber.subscribe());
    await alice.saw('subscriber: accepted');
    alice.skip(33);
    // What was due meanwhile is done when this is.
    alice.ua.sendMessage(bob.uri, 'x', { eventHandlers: alice.handlers('message', ENDS) });
    await alice.saw('message: succeeded');
    alice.note('app', 'state', subscriber.state);
  },

  'subscribes with wrong arguments': async ({ alice, bob }) => {
    alice.makeUA({ register: false });
    for (const args of [
      [], ['', 'presence', 'text/plain', {}], [bob.uri, '', 'text/plain', {}], [bob.uri, 'presence', '', {}],
      [bob.uri, 'a b;', 'text/plain', {}], [bob.uri, 'presence', 'text/plain'],
    ]) {
      alice.try(`ua.subscribe(${args.slice(1, 3).join()}, ${typeof args[3]})`, () => { alice.ua.subscribe(...args); });
    }
    const subscriber = alice.try('ua.subscribe()', () => alice.ua.subscribe(bob.uri, 'presence;id=7', 'text/plain', {}));
    alice.note('app', 'before', { state: subscriber.state, id: subscriber.id, data: subscriber.data });
    alice.note('app', 'C', alice.describe(subscriber.C));
    alice.try('subscribe() with a body and no type', () => subscriber.subscribe('x'));
  },

  'is subscribed to, and notifies': async ({ alice, bob }) => {
    await registered(alice, bob);
    const subscriber = subscribes(bob, alice, { contentType: 'text/plain' });
    subscriber.subscribe('a body');
    const notifier = await notifies(alice, { pending: true, extraHeaders: ['X-N: yes'], allowEvents: 'presence' });
    alice.note('app', 'state', notifier.state);
    alice.try('notify()', () => notifier.notify('first'));
    await bob.saw('subscriber: notify');
    alice.try('setActiveState()', () => notifier.setActiveState());
    alice.try('notify()', () => notifier.notify('second'));
    await bob.saw('subscriber: active');
    await alice.passed('← 200 NOTIFY', 2);
  },

  'is unsubscribed from': async ({ alice, bob }) => {
    await registered(alice, bob);
    const subscriber = subscribes(bob, alice);
    subscriber.subscribe();
    const notifier = await notifies(alice, {});
    alice.try('notify()', () => notifier.notify('x'));
    await Promise.all([bob.saw('subscriber: active'), alice.passed('← 200 NOTIFY')]);
    subscriber.terminate();
    // JsSIP gives no routes, and the SUBSCRIBE does not get to it through Kamailio.
    await Promise.race([alice.saw('notifier: terminated'), bob.saw('subscriber: terminated')]);
  },

  'ends a subscription': async ({ alice, bob }) => {
    await registered(alice, bob);
    const subscriber = subscribes(bob, alice);
    subscriber.subscribe();
    const notifier = await notifies(alice, {});
    alice.try('notify()', () => notifier.notify());
    await bob.saw('subscriber: active');
    alice.try('terminate()', () => notifier.terminate('the end', 'noresource', 60));
    await bob.saw('subscriber: terminated');
    await alice.saw('notifier: terminated');
    for (const verb of ['notify', 'setActiveState', 'start', 'terminate']) alice.try(`${verb}() when it is over`, () => notifier[verb]());
  },

  'a subscription to it expires': async ({ alice, bob }) => {
    await registered(alice, bob);
    const subscriber = subscribes(bob, alice, { expires: 60 });
    subscriber.subscribe();
    const notifier = await notifies(alice, {});
    notifier.notify('x');
    await Promise.all([bob.saw('subscriber: notify'), alice.passed('← 200 NOTIFY')]);
    // Bob's clock goes at its own pace: he would refresh it much later.
    alice.skip(61);
    await alice.saw('notifier: terminated');
  },

  'makes wrong notifiers': async ({ alice, bob }) => {
    await registered(alice, bob);
    const subscriber = subscribes(bob, alice);
    subscriber.subscribe();
    const { request } = await alice.saw('newSubscribe');
    alice.try('no content type', () => { alice.ua.notify(request, '', {}); });
    alice.try('no options', () => { alice.ua.notify(request, 'text/plain'); });
    const notifier = alice.try('ua.notify()', () => alice.ua.notify(request, 'text/plain', {}));
    alice.note('app', 'C', alice.describe(notifier.C));
    notifier.start();
    notifier.notify('x');
    await bob.saw('subscriber: notify');
  },
};
