// Calls from page to page: what replaces JsSIP, with itself and with JsSIP.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startBrowser } from './browser.mjs';
import { print } from './log.mjs';
import { audible, heard, inboundPackets, pictures, silent } from './media.mjs';
import { startRelay } from './relay.mjs';

/** The session interval of RFC 4028: the least there is. It is refreshed at half of it. */
const SESSION_EXPIRES = 90;

/** Who calls whom. */
const PAIRS = [['offhook', 'offhook'], ['offhook', 'jssip'], ['jssip', 'offhook']];

/**
 * Defines the tests. `startServer` is as in `describeCalls`. With `refreshes` there are calls that
 * last until they have been refreshed.
 */
export function describePages(name, startServer, { refreshes = false } = {}) {
  for (const [ours, theirs] of PAIRS) {
    describe(`a page on ${ours} calls a page on ${theirs} through ${name}`, () => {
      let server, relay, browser, started;
      const phones = {};
      // Carol is who others are passed on to. Erin and frank talk all the time.
      const libraries = { alice: ours, bob: theirs, carol: 'jssip' };
      if (refreshes) Object.assign(libraries, { erin: ours, frank: theirs });
      const users = Object.keys(libraries);

      before(async () => {
        server = await startServer(Object.fromEntries(users.map((user) => [user, `${user}pw`])));
        relay = await startRelay(server.ws);
        browser = await startBrowser();
        await Promise.all(users.map(async (user) => {
          phones[user] = await browser.phone(user, libraries[user]);
          const ws = user === 'alice' ? relay.ws : server.ws;
          await phones[user].register({ server: ws, uri: address(user), password: `${user}pw` });
        }));
        if (refreshes) await talk('erin', 'frank');
        started = Date.now();
      });
      after(async () => {
        await Promise.all(users.map((user) => phones[user]?.close()));
        await browser?.stop();
        relay?.stop();
        await server?.stop();
      });
      beforeEach(() => users.forEach((user) => phones[user].events.forget()));
      afterEach(async (context) => {
        if (context.error || context.passed === false) {
          print([server.log, ...users.map((user) => phones[user].events)]);
        }
        // Each waits for those before: a BYE that crosses another is refused.
        for (const user of ['alice', 'bob', 'carol']) {
          await phones[user].do('hangUp', ['alice', 'bob', 'carol'].filter((other) => other < user));
        }
        for (const user of users) {
          assert.deepEqual(phones[user].faults(), [], `errors in ${user}'s page`);
        }
      });

      const address = (user) => `sip:${user}@${server.domain}`;

      async function talk(caller, callee, media = {}) {
        const [from, to] = [phones[caller], phones[callee]];
        await from.do('call', address(callee), media);
        const incoming = await to.next('incoming');
        await to.do('answer', media);
        await Promise.all([from.next('confirmed'), to.next('confirmed')]);
        return incoming;
      }

      async function hearEachOther(...users) {
        await Promise.all(users.map((user) => inboundPackets(phones[user], 10)));
        await Promise.all(users.map((user) => audible(phones[user])));
      }

      for (const [caller, callee] of [['alice', 'bob'], ['bob', 'alice']]) {
        test(`${caller} calls, both hear each other, ${caller} hangs up`, async () => {
          const { from } = await talk(caller, callee);
          assert.equal(from, address(caller));
          await hearEachOther(caller, callee);
          await phones[caller].do('terminate');
          await phones[caller].saw('ended', { originator: 'local', cause: 'Terminated' });
          await phones[callee].saw('ended', { originator: 'remote', cause: 'Terminated' });
        });

        test(`${caller} calls, ${callee} hangs up`, async () => {
          await talk(caller, callee);
          await phones[callee].do('terminate');
          await phones[caller].saw('ended', { originator: 'remote', cause: 'Terminated' });
        });

        test(`${caller} gives up while ${callee} rings`, async () => {
          await phones[caller].do('call', address(callee));
          await phones[callee].saw('incoming');
          await phones[caller].saw('progress');
          await phones[caller].do('terminate');
          await phones[caller].saw('failed', { originator: 'local', cause: 'Canceled' });
          await phones[callee].saw('failed', { originator: 'remote', cause: 'Canceled' });
        });

        test(`${callee} is busy`, async () => {
          await phones[caller].do('call', address(callee));
          await phones[callee].saw('incoming');
          await phones[callee].do('terminate', { status_code: 486, reason_phrase: 'On the phone' });
          await phones[caller].saw('failed', {
            originator: 'remote', cause: 'Busy', reason: 'On the phone',
          });
        });

        test(`${caller} shows a video, and sees one`, async () => {
          await talk(caller, callee, { video: true });
          await hearEachOther(caller, callee);
          await Promise.all([pictures(phones[caller], 15), pictures(phones[callee], 15)]);
        });

        for (const useUpdate of [false, true]) {
          const how = useUpdate ? 'UPDATE' : 're-INVITE';
          test(`${caller} holds ${callee} by ${how}, and goes on`, async () => {
            await talk('alice', 'bob');
            await phones[caller].do('hold', { useUpdate });
            await phones[callee].saw('hold', { originator: 'remote' });
            await phones[caller].saw('hold:done');
            assert.deepEqual(await phones[caller].do('isOnHold'), { local: true, remote: false });
            assert.deepEqual(await phones[callee].do('isOnHold'), { local: false, remote: true });
            await silent(async () => (await phones[caller].do('inboundAudio')).packetsReceived);
            await phones[caller].do('unhold', { useUpdate });
            await phones[callee].saw('unhold', { originator: 'remote' });
            await phones[caller].saw('unhold:done');
            await hearEachOther(caller, callee);
          });

          test(`${caller} renegotiates by ${how}`, async () => {
            await talk('alice', 'bob');
            await phones[caller].do('renegotiate', { useUpdate });
            await phones[caller].saw('renegotiate:done');
            await hearEachOther(caller, callee);
          });
        }

        test(`tones and INFO of ${caller} arrive`, async () => {
          await talk('alice', 'bob');
          await phones[caller].do('sendDTMF', '15#');
          for (const tone of '15#') {
            await phones[callee].next('newDTMF', { tone, originator: 'remote' });
          }
          await phones[caller].do('sendInfo', 'text/plain', 'across: 你好');
          await phones[callee].saw('newInfo', {
            originator: 'remote', contentType: 'text/plain', body: 'across: 你好',
          });
        });

        test(`tones of ${caller} sound in the audio`, async () => {
          await talk('alice', 'bob');
          await phones[callee].do('followAudio');
          await hearEachOther(caller, callee);
          // As long as a tone may be: the call ends it.
          await phones[caller].do('sendDTMF', '7', 'RFC2833', 6000);
          await heard(phones[callee], '7');
        });

        test(`${caller} passes ${callee} on`, async () => {
          await talk('alice', 'bob');
          await phones[caller].do('refer', address('carol'));
          await phones.carol.saw('incoming', { from: address(callee) });
          await phones.carol.do('answer');
          await phones[caller].saw('refer:accepted', { status: 200 });
          await phones[caller].do('terminate');
          await phones[callee].saw('ended', { originator: 'remote' });
          await hearEachOther(callee, 'carol');
        });

        test(`${caller} connects ${callee} and carol`, async () => {
          const [from, to] = [phones[caller], phones[callee]];
          const numberOf = (phone) =>
            phone.events.entries.findLast(({ event }) => event === 'confirmed').call;
          await talk(caller, callee);
          const first = numberOf(from);
          await from.do('hold');
          await from.saw('hold:done');
          await talk(caller, 'carol');
          const second = numberOf(from);
          await from.do('refer', address('carol'), { call: first, replaces: second });
          await phones.carol.saw('replaces');
          await phones.carol.saw('incoming', { replaces: true, from: address(callee) });
          await from.saw('refer:accepted', { status: 200 });
          await from.saw('ended', { call: second, originator: 'remote' });
          await from.do('terminate', { call: first });
          await to.saw('ended', { originator: 'remote' });
          await hearEachOther(callee, 'carol');
        });

        test(`carol connects ${caller} with ${callee}`, async () => {
          const { carol } = phones;
          await talk('carol', caller);
          const first = carol.events.entries.findLast(({ event }) => event === 'confirmed').call;
          await talk('carol', callee);
          const second = carol.events.entries.findLast(({ event }) => event === 'confirmed').call;
          await carol.do('refer', address(callee), { call: first, replaces: second });
          await phones[callee].saw('replaces');
          await carol.saw('refer:accepted', { status: 200 });
          await carol.saw('ended', { call: second, originator: 'remote' });
          await carol.do('terminate', { call: first });
          await hearEachOther(caller, callee);
        });

        test(`a text of ${caller} arrives`, async () => {
          await phones[caller].do('sendMessage', address(callee), 'across: 你好');
          await phones[callee].saw('message', { originator: 'remote', text: 'across: 你好' });
          await phones[caller].saw('message:delivered');
        });
      }

      if (ours === 'offhook') test('a call survives the loss of its WebSocket', async () => {
        const { alice, bob } = phones;
        await talk('alice', 'bob');
        await hearEachOther('alice', 'bob');
        relay.cut();
        await alice.saw('disconnected');
        // The audio needs no server.
        await inboundPackets(alice, 10);
        relay.mend();
        await alice.next('connected');
        await alice.next('registered');
        await hearEachOther('alice', 'bob');
        await bob.do('sendDTMF', '1');
        await alice.saw('newDTMF', { tone: '1', originator: 'remote' });
        await alice.do('terminate');
        await bob.saw('ended', { originator: 'remote', cause: 'Terminated' });
      });

      if (refreshes) test('a session is refreshed', async () => {
        const left = started + (SESSION_EXPIRES / 2 + 2) * 1000 - Date.now();
        await delay(Math.max(left, 0));
        const sent = async (user) => (await phones[user].do('requestCounts')).sent.UPDATE ?? 0;
        assert.ok((await sent('erin')) + (await sent('frank')) >= 1, 'nobody has sent an UPDATE');
        for (const user of ['erin', 'frank']) {
          assert.equal(await phones[user].do('isEstablished'), true);
          await inboundPackets(phones[user], 10);
        }
      });
    });
  }
}
