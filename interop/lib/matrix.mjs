// Everything a call can do, between offhook and a browser, in every role.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBrowser } from './browser.mjs';
import { remove, temporaryFolder } from './folder.mjs';
import { print } from './log.mjs';
import { heard, inboundPackets, pictures, readIvf, silent } from './media.mjs';
import { OfferlessCaller } from './offerless.mjs';
import { NativePhone, offhookBinary } from './offhook.mjs';

const PATTERN = fileURLToPath(new URL('../../assets/pattern-vp8.ivf', import.meta.url));

// Alice and carol are in the browser, bob and dave are offhook, dave with video. Erin (in the
// browser) and frank (offhook) talk all the time: their sessions are to be refreshed.
const BROWSERS = ['alice', 'carol', 'erin'];
const NATIVES = ['bob', 'dave', 'frank'];
const USERS = Object.fromEntries(
  [...BROWSERS, ...NATIVES, 'oscar'].map((user) => [user, `${user}pw`]),
);

/** The session interval of RFC 4028: the least there is. It is refreshed at half of it. */
const SESSION_EXPIRES = 90;

/**
 * Defines the tests. `startServer` and `library` are as in `describeCalls`. With `refreshes` the
 * calls last until they have been refreshed.
 */
export function describeMatrix(name, startServer, { refreshes = false, library = 'jssip' } = {}) {
  describe(`what a call can do, with ${library} in a page through ${name}`, () => {
    let server, browser, started, folder;
    const phones = {};
    let expected;

    before(async () => {
      offhookBinary();
      folder = temporaryFolder('video');
      const video = [
        '--play-video', PATTERN, '--repeat-video', '--record-video', path.join(folder, 'seen.ivf'),
      ];
      server = await startServer(USERS);
      browser = await startBrowser();
      await Promise.all([
        ...BROWSERS.map(async (user) => {
          phones[user] = await browser.phone(user, library);
          const account = { server: server.ws, uri: address(user), password: USERS[user] };
          await phones[user].register(account);
        }),
        ...NATIVES.map(async (user) => {
          const account = { address: address(user), password: USERS[user], server: server.ws };
          phones[user] = new NativePhone(account, '--echo', ...(user === 'dave' ? video : []));
          await phones[user].saw('registered');
        }),
      ]);
      if (refreshes) await talkAllTheTime();
      started = Date.now();
    });
    after(async () => {
      await Promise.all(NATIVES.map((user) => phones[user]?.stop()));
      await Promise.all(BROWSERS.map((user) => phones[user]?.close()));
      await browser?.stop();
      await server?.stop();
      if (folder) remove(folder);
    });

    beforeEach(() => {
      expected = [];
      for (const user of ['alice', 'bob', 'carol', 'dave']) {
        phones[user].events.forget();
        if (phones[user].refusals) phones[user].refusals = [];
      }
    });
    afterEach(async (context) => {
      let error = context.error;
      if (context.passed === false) error ??= true;
      try {
        await leftNothing();
      } catch (left) {
        error = left;
        throw left;
      } finally {
        if (error) {
          print([server.log, ...NATIVES.map((user) => phones[user].lines)]);
        }
      }
    });

    /** Everybody has hung up, and was refused nothing but what the story tells. */
    async function leftNothing() {
      // One side after the other: a BYE that crosses another is refused.
      await Promise.all(['bob', 'dave'].map(hungUp));
      await Promise.all(['alice', 'carol'].map(hungUp));
      // A message that a peer cannot make sense of ends here.
      for (const user of BROWSERS) {
        assert.deepEqual(phones[user].faults(), [], `errors in ${user}'s page`);
      }
      const refused = NATIVES.flatMap((user) =>
        phones[user].refusals.map(({ status, method }) => `${user}'s ${method}: ${status}`),
      );
      assert.deepEqual(refused.sort(), expected.sort(), 'what peers refused');
    }

    const address = (user) => `sip:${user}@${server.domain}`;

    /** This is part of the story: the request of a native phone is refused. */
    const refuses = (user, method, status) => expected.push(`${user}'s ${method}: ${status}`);

    async function hungUp(user) {
      const phone = phones[user];
      if (phone instanceof NativePhone) {
        await phone.hangUp();
        for (const setting of ['accept-refers ask', 'accept-replaces ask']) await phone.does(setting);
      } else {
        await phone.do('slowDown', 0);
        await phone.do('hangUp', NATIVES);
      }
    }

    /** Erin calls frank, and frank calls erin. */
    async function talkAllTheTime() {
      const { erin, frank } = phones;
      await erin.do('call', address('frank'));
      await frank.saw('incoming');
      await frank.does('answer');
      await Promise.all([erin.next('confirmed'), frank.next('confirmed')]);
      await frank.does('call erin');
      await erin.saw('incoming');
      await erin.do('answer');
      await Promise.all([erin.next('confirmed'), frank.next('confirmed')]);
    }

    /** A call that stands; `caller` and `callee` are names, one of each kind. */
    async function talk(caller, callee, { videoOffered = false, video = false } = {}) {
      const [from, to] = [phones[caller], phones[callee]];
      if (from instanceof NativePhone) await from.does(`call ${callee}`);
      else await from.do('call', address(callee), { video: videoOffered || video });
      const incoming = await to.next('incoming');
      if (to instanceof NativePhone) await to.does('answer');
      else await to.do('answer', { video });
      await Promise.all([from.next('confirmed'), to.next('confirmed')]);
      return incoming;
    }

    /** Each of a browser and a native phone receives audio. */
    async function hearEachOther(user, native) {
      await inboundPackets(phones[user], 10);
      const before = await received(native);
      await delay(300);
      const packets = (await received(native)) - before;
      assert.ok(packets >= 5, `${native} received ${packets} RTP packets in 300 ms`);
    }

    async function received(native) {
      await phones[native].does('stats');
      return (await phones[native].next('stats')).packets_received;
    }

    /** The only call of a native phone. */
    async function onlyCall(user) {
      const calls = await phones[user].calls();
      assert.equal(calls.length, 1, `${user} has ${JSON.stringify(calls)}`);
      return calls[0];
    }

    for (const update of [false, true]) {
      const how = update ? 'UPDATE' : 're-INVITE';

      test(`offhook holds the browser by ${how}`, async () => {
        const { alice, bob } = phones;
        await talk('bob', 'alice');
        await bob.reoffers(update ? 'hold update' : 'hold');
        await alice.saw('hold', { originator: 'remote' });
        assert.deepEqual(await alice.do('isOnHold'), { local: false, remote: true });
        await silent(() => received('bob'));
        await bob.reoffers(update ? 'unhold update' : 'unhold');
        await alice.saw('unhold', { originator: 'remote' });
        await hearEachOther('alice', 'bob');
      });

      test(`the browser holds offhook by ${how}`, async () => {
        const { alice, bob } = phones;
        await talk('alice', 'bob');
        await alice.do('hold', { useUpdate: update });
        await Promise.all([alice.saw('hold:done'), bob.saw('hold', { originator: 'remote' })]);
        assert.deepEqual((await onlyCall('bob')).hold, { local: false, remote: true });
        await silent(async () => (await alice.do('inboundAudio')).packetsReceived);
        await alice.do('unhold', { useUpdate: update });
        await Promise.all([alice.saw('unhold:done'), bob.saw('unhold', { originator: 'remote' })]);
        await hearEachOther('alice', 'bob');
      });

      test(`both renegotiate by ${how}`, async () => {
        const { alice, bob } = phones;
        await talk('alice', 'bob');
        await bob.reoffers(update ? 'renegotiate update' : 'renegotiate');
        await alice.do('renegotiate', { useUpdate: update });
        await Promise.all([alice.saw('renegotiate:done'), bob.saw('reoffer:done')]);
        await hearEachOther('alice', 'bob');
      });
    }

    test('each holds the other', async () => {
      const { alice, bob } = phones;
      await talk('bob', 'alice');
      await bob.reoffers('hold');
      await alice.do('hold');
      await Promise.all([alice.saw('hold:done'), bob.saw('hold', { originator: 'remote' })]);
      assert.deepEqual((await onlyCall('bob')).hold, { local: true, remote: true });
      assert.deepEqual(await alice.do('isOnHold'), { local: true, remote: true });
      await bob.reoffers('unhold');
      assert.deepEqual((await onlyCall('bob')).hold, { local: false, remote: true });
      await alice.do('unhold');
      await Promise.all([alice.saw('unhold:done'), bob.saw('unhold', { originator: 'remote' })]);
      await hearEachOther('alice', 'bob');
    });

    test('the browser finds new media paths when offhook restarts ICE', async () => {
      const { bob } = phones;
      await talk('bob', 'alice');
      await bob.reoffers('renegotiate restart');
      await hearEachOther('alice', 'bob');
    });

    test('tones go both ways by INFO', async () => {
      const { alice, bob } = phones;
      await talk('alice', 'bob');
      await alice.do('sendDTMF', '15#');
      for (const tone of '15#') await bob.next('newDTMF', { tone, originator: 'remote', by: 'info' });
      await bob.does('dtmf 2A* info duration 80ms gap 60ms');
      for (const tone of '2A*') await alice.next('newDTMF', { tone, originator: 'remote' });
      for (const tone of '2A*') await bob.saw('dtmf:delivered', { tone, status: 200 });
    });

    test('tones go both ways in the audio', async () => {
      const { alice, bob } = phones;
      await talk('alice', 'bob');
      await alice.do('sendDTMF', '15#', 'RFC2833');
      for (const tone of '15#') await bob.next('newDTMF', { tone, originator: 'remote', by: 'rtp' });
      await bob.does('play silence');
      await alice.do('followAudio');
      await bob.does('dtmf 7D rfc2833 duration 2s');
      await heard(alice, '7D');
    });

    test('INFO goes both ways', async () => {
      const { alice, bob } = phones;
      await talk('bob', 'alice');
      await alice.do('sendInfo', 'text/plain', 'from the browser: 你好');
      const { content_type, body } = await bob.saw('newInfo', { originator: 'remote' });
      assert.deepEqual([content_type, body], ['text/plain', 'from the browser: 你好']);
      await bob.does('info application/x-note from offhook: ¡hola!');
      const info = await alice.saw('newInfo', { originator: 'remote' });
      assert.deepEqual(
        [info.contentType, info.body],
        ['application/x-note', 'from offhook: ¡hola!'],
      );
      await bob.saw('info:delivered', { status: 200 });
    });

    test('text goes both ways without a call', async () => {
      const { alice, bob } = phones;
      await alice.do('sendMessage', address('bob'), 'from the browser: 你好');
      await bob.saw('message', { text: 'from the browser: 你好' });
      await alice.saw('message:delivered');
      await bob.does('message alice from offhook: ¡hola!');
      await alice.saw('message', { originator: 'remote', text: 'from offhook: ¡hola!' });
      await bob.saw('message:delivered', { to: 'alice' });
    });

    test('offhook passes one browser on to another', async () => {
      const { alice, bob, carol } = phones;
      await talk('bob', 'alice');
      await bob.does(`refer ${address('carol')}`);
      await alice.saw('calling', { to: address('carol') });
      await carol.saw('incoming', { from: address('alice') });
      await carol.do('answer');
      await bob.saw('refer:accepted', { status: 200 });
      await bob.saw('ended', { originator: 'local' });
      await Promise.all([alice.saw('confirmed'), carol.saw('confirmed')]);
      await inboundPackets(carol, 10);
    });

    test('the browser passes offhook on to another browser', async () => {
      const { alice, bob, carol } = phones;
      await bob.does('accept-refers on');
      await talk('alice', 'bob');
      await alice.do('refer', address('carol'));
      await bob.saw('calling', { to: address('carol') });
      await carol.saw('incoming', { from: address('bob') });
      await carol.do('answer');
      await alice.saw('refer:accepted', { status: 200 });
      await alice.do('terminate');
      await bob.saw('ended', { originator: 'remote' });
      await carol.saw('confirmed');
      await hearEachOther('carol', 'bob');
    });

    test('the browser passes another browser on to offhook', async () => {
      const { alice, bob, carol } = phones;
      await talk('carol', 'alice');
      await alice.do('refer', address('bob'));
      await bob.saw('incoming', { from: address('carol') });
      await bob.does('answer');
      await alice.saw('refer:accepted', { status: 200 });
      await alice.do('terminate');
      await bob.saw('confirmed');
      await hearEachOther('carol', 'bob');
    });

    test('offhook, which will not be passed on, declines and the call goes on', async () => {
      const { alice, bob } = phones;
      await bob.does('accept-refers off');
      await talk('alice', 'bob');
      await alice.do('refer', address('carol'));
      await alice.saw('refer:failed', { status: 603 });
      await hearEachOther('alice', 'bob');
    });

    test('offhook connects the two browsers that it talks to', async () => {
      const { alice, bob, carol } = phones;
      const [first, second] = await twoCalls('bob', 'alice', 'carol');
      await bob.does(`refer ${first} to ${second}`);
      await carol.saw('replaces');
      await carol.saw('incoming', { replaces: true });
      await bob.saw('refer:accepted', { status: 200 });
      for (const call of [first, second]) await bob.saw('ended', { call });
      await inboundPackets(carol, 10);
      await inboundPackets(alice, 10);
    });

    test('the browser connects offhook, which it has called, with another browser', async () => {
      const { alice, bob, carol } = phones;
      await bob.does('accept-refers on');
      const [first, second] = await twoCalls('alice', 'bob', 'carol');
      await alice.do('refer', address('carol'), { call: first, replaces: second });
      await carol.saw('incoming', { replaces: true, from: address('bob') });
      await alice.saw('refer:accepted', { status: 200 });
      await alice.saw('ended', { call: second, originator: 'remote' });
      await alice.do('terminate', { call: first });
      await bob.saw('ended', { originator: 'remote' });
      await hearEachOther('carol', 'bob');
    });

    test('the browser connects another browser with offhook', async () => {
      const { alice, bob, carol } = phones;
      await bob.does('accept-replaces on');
      const [first, second] = await twoCalls('alice', 'carol', 'bob');
      await alice.do('refer', address('bob'), { call: first, replaces: second });
      await bob.saw('incoming', { replaces: true, from: address('carol') });
      await alice.saw('refer:accepted', { status: 200 });
      await bob.saw('ended', { originator: 'local' });
      await alice.saw('ended', { call: second, originator: 'remote' });
      await alice.do('terminate', { call: first });
      await hearEachOther('carol', 'bob');
    });

    /** `user` calls two others, the first is put on hold meanwhile; the numbers of the calls. */
    async function twoCalls(user, one, other) {
      const phone = phones[user];
      const native = phone instanceof NativePhone;
      const numbers = [];
      for (const callee of [one, other]) {
        await talk(user, callee);
        const { call } = phone.events.entries.findLast(({ event }) => event === 'confirmed');
        numbers.push(call);
        if (callee === other) break;
        if (native) {
          await phone.reoffers('hold');
        } else {
          await phone.do('hold');
          await phone.saw('hold:done');
        }
      }
      return numbers;
    }

    test('the browser rejects a call', async () => {
      const { alice, bob } = phones;
      refuses('bob', 'INVITE', 486);
      await bob.does('call alice');
      await alice.saw('incoming');
      await alice.do('terminate', { status_code: 486, reason_phrase: 'On the phone' });
      await bob.saw('failed', { cause: 'Busy', status: 486, reason: 'On the phone' });
    });

    test('offhook rejects a call', async () => {
      const { alice, bob } = phones;
      await alice.do('call', address('bob'));
      await bob.saw('incoming');
      await bob.does('reject 603 Not for you');
      await alice.saw('failed', { cause: 'Rejected', originator: 'remote', reason: 'Not for you' });
    });

    test('the browser cancels its call', async () => {
      const { alice, bob } = phones;
      await alice.do('call', address('bob'));
      await bob.saw('incoming');
      await alice.saw('progress');
      await alice.do('terminate');
      await bob.saw('failed', { originator: 'remote', cause: 'Canceled' });
    });

    test('offhook cancels its call', async () => {
      const { alice, bob } = phones;
      refuses('bob', 'INVITE', 487);
      await bob.does('call alice');
      await alice.saw('incoming');
      await bob.saw('progress');
      await bob.does('hang-up');
      await alice.saw('failed', { originator: 'remote', cause: 'Canceled' });
      await refused('bob', 'INVITE', 487);
    });

    /** Waits until the refusal that the story tells of is there. */
    async function refused(user, method, status) {
      const phone = phones[user];
      const there = () =>
        phone.refusals.some((refusal) => refusal.method === method && refusal.status === status);
      const until = Date.now() + 5000;
      while (!there()) {
        assert.ok(Date.now() < until, `no ${status} to ${user}'s ${method}`);
        await delay(20);
      }
    }

    test('early media of offhook is heard in the browser', async () => {
      const { alice, bob } = phones;
      await alice.do('call', address('bob'));
      await bob.saw('incoming');
      await bob.does('progress');
      await inboundPackets(alice, 10);
      await bob.does('answer');
      await Promise.all([alice.saw('confirmed'), bob.saw('confirmed')]);
      await hearEachOther('alice', 'bob');
    });

    for (const callee of ['alice', 'bob']) {
      const who = callee === 'bob' ? 'offhook' : 'the browser';
      test(`${who} makes the offer when the caller makes none`, async () => {
        const phone = phones[callee];
        const caller = new OfferlessCaller({
          server: server.udp, user: 'oscar', password: USERS.oscar, domain: server.domain,
        });
        await caller.open();
        try {
          const inviting = caller.invite(address(callee));
          await phone.saw('incoming', { from: address('oscar') });
          if (phone instanceof NativePhone) await phone.does('answer');
          else await phone.do('answer');
          const ok = await inviting;
          assert.equal(ok.status, 200, ok.text);
          // The media of the caller are carol's.
          caller.acknowledge(ok, await phones.carol.do('rawAnswer', ok.body));
          await phone.saw('confirmed');
          const until = Date.now() + 5000;
          while ((await phones.carol.do('rawInboundAudio')).packetsReceived < 20) {
            assert.ok(Date.now() < until, 'the caller hears nothing');
            await delay(50);
          }
          assert.equal((await caller.bye()).status, 200);
          await phone.saw('ended', { originator: 'remote' });
        } finally {
          caller.close();
          await phones.carol.do('rawClose');
        }
      });
    }

    test('the browser makes the offer when offhook makes none', async () => {
      const { alice, bob } = phones;
      await bob.does('call alice late-offer');
      await alice.saw('incoming');
      await alice.do('answer');
      await Promise.all([alice.saw('confirmed'), bob.saw('confirmed')]);
      await hearEachOther('alice', 'bob');
      // Which side offers next is as open as ever.
      await bob.reoffers('hold');
      await alice.saw('hold', { originator: 'remote' });
      await bob.reoffers('unhold');
      await alice.do('renegotiate');
      await alice.saw('renegotiate:done');
      await hearEachOther('alice', 'bob');
    });

    test('video is declined by a side that has none, and the call lives', async () => {
      const { alice, bob } = phones;
      await talk('alice', 'bob', { videoOffered: true });
      await hearEachOther('alice', 'bob');
      assert.equal((await alice.do('inboundVideo')).packetsReceived, 0);
      // The declined line stays in every later offer (RFC 3264, 8).
      await bob.reoffers('hold');
      await alice.saw('hold', { originator: 'remote' });
      await bob.reoffers('unhold');
      await alice.do('hold');
      await Promise.all([alice.saw('hold:done'), bob.saw('hold', { originator: 'remote' })]);
      await alice.do('unhold');
      await alice.saw('unhold:done');
      await hearEachOther('alice', 'bob');
    });

    test('a hold stops audio and video, and both come back', async () => {
      const { alice, dave } = phones;
      await talk('alice', 'dave', { video: true });
      await hearEachOther('alice', 'dave');
      await pictures(alice, 25);
      await dave.reoffers('hold');
      await silent(async () => (await alice.do('inboundVideo')).packetsReceived);
      await dave.reoffers('unhold');
      await pictures(alice, 25);

      await dave.does('hang-up');
      const { call } = await dave.saw('summary');
      const file = path.join(folder, call === 1 ? 'seen.ivf' : `seen-${call}.ivf`);
      const { codec, frames } = readIvf(file);
      assert.equal(codec, 'VP80');
      assert.ok(frames >= 10, `dave has recorded ${frames} pictures of the browser's camera`);
    });

    test('two offers that cross are both taken in the end', async () => {
      const { alice, bob } = phones;
      // JsSIP offers again after a second, and ends the call if that crosses another offer. It is
      // bob's part to wait longer, as the owner of the Call-ID (RFC 3261, 14.1).
      await talk('bob', 'alice');
      // What either says is on the way while the other speaks.
      await alice.do('slowDown', 250);
      const [{ exchange }] = await Promise.all([bob.does('hold'), alice.do('hold')]);
      refuses('bob', 'INVITE', 491);
      await refused('bob', 'INVITE', 491);
      await alice.do('slowDown', 0);
      const { error } = await bob.saw('renegotiate:done', { exchange });
      assert.equal(error, null);
      await alice.saw('hold:done');
      assert.deepEqual((await onlyCall('bob')).hold, { local: true, remote: true });
      assert.deepEqual(await alice.do('isOnHold'), { local: true, remote: true });
      await bob.reoffers('unhold');
      await alice.do('unhold');
      await alice.saw('unhold:done');
      await hearEachOther('alice', 'bob');
    });

    const refreshed = 'sessions are refreshed, by whichever side it falls to';
    if (refreshes) test(refreshed, async () => {
      const { erin, frank } = phones;
      // Each call is refreshed at half its interval.
      const left = started + (SESSION_EXPIRES / 2 + 2) * 1000 - Date.now();
      await delay(Math.max(left, 0));
      const calls = await frank.calls();
      assert.deepEqual(calls.map(({ state }) => state), ['established', 'established']);
      for (const sent of [true, false]) {
        const updates = frank.requests.filter(
          (request) => request.method === 'UPDATE' && request.sent === sent,
        );
        assert.ok(updates.length >= 1, `frank has ${sent ? 'sent' : 'received'} no UPDATE`);
      }
      await inboundPackets(erin, 10);
    });
  });
}
