// baresip calls and is called, over WebSocket on both sides.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Baresip } from '../lib/baresip.mjs';
import { print } from '../lib/log.mjs';
import { silent } from '../lib/media.mjs';
import { NativePhone, offhookBinary } from '../lib/offhook.mjs';
import { SERVERS } from '../lib/servers.mjs';

const USERS = { bob: 'bobpw', ivy: 'ivypw', jack: 'jackpw' };

/** Ivy sends her tones in the audio, jack by INFO. */
const DTMF = { ivy: 'rtpevent', jack: 'info' };

for (const [name, startServer] of SERVERS) {
  describe(`offhook and baresip through ${name}`, () => {
    let server, bob;
    const peers = {};

    before(async () => {
      offhookBinary();
      server = await startServer(USERS);
      bob = new NativePhone(
        { address: address('bob'), password: USERS.bob, server: server.ws }, '--echo',
      );
      await bob.saw('registered');
      for (const user of ['ivy', 'jack']) {
        peers[user] = new Baresip({
          user, password: USERS[user], domain: server.domain, server: server.ws, dtmf: DTMF[user],
        });
      }
      await Promise.all(Object.values(peers).map((peer) => peer.saw('registered')));
    });
    after(async () => {
      await Promise.all([bob?.stop(), ...Object.values(peers).map((peer) => peer.quit())]);
      await server?.stop();
    });

    beforeEach(() => {
      bob.refusals = [];
      for (const phone of [bob, ...Object.values(peers)]) phone.events.forget();
    });
    afterEach(async (context) => {
      if (context.error || context.passed === false) {
        print([server.log, bob.lines, ...Object.values(peers).map(({ lines }) => lines)]);
      }
      await bob.hangUp();
      assert.deepEqual(bob.refusals, [], 'what baresip refused');
    });

    const address = (user) => `sip:${user}@${server.domain}`;

    async function baresipCalls(user) {
      const peer = peers[user];
      await peer.do('dial', { uri: address('bob') });
      await bob.next('incoming', { from: address(user) });
      await bob.does('answer');
      await Promise.all([peer.next('established'), bob.next('confirmed')]);
      return peer;
    }

    async function bobCalls(user) {
      const peer = peers[user];
      await bob.does(`call ${user}`);
      await peer.next('incoming');
      await bob.saw('progress', { status: 180 });
      await peer.do('answer');
      await Promise.all([peer.next('established'), bob.next('confirmed')]);
      return peer;
    }

    /** Baresip hears the echo of its tone, so the audio goes both ways. */
    async function hearsItself(peer) {
      await peer.do('heard');
      const until = Date.now() + 5000;
      for (;;) {
        await delay(100);
        const { loudest } = await peer.do('heard');
        if (loudest > 2000) return;
        assert.ok(Date.now() < until, `no louder than ${loudest} of 32767`);
      }
    }

    async function onlyCall() {
      const calls = await bob.calls();
      assert.equal(calls.length, 1, JSON.stringify(calls));
      return calls[0];
    }

    test('baresip calls, hears its echo and hangs up', async () => {
      const ivy = await baresipCalls('ivy');
      await hearsItself(ivy);
      await ivy.do('hangup');
      await bob.saw('ended', { originator: 'remote' });
    });

    test('offhook calls, baresip hears its echo, offhook hangs up', async () => {
      const ivy = await bobCalls('ivy');
      await hearsItself(ivy);
      await bob.does('hang-up');
      await ivy.saw('closed');
    });

    test('offhook holds baresip, and lets it go on', async () => {
      const ivy = await bobCalls('ivy');
      await hearsItself(ivy);
      await bob.reoffers('hold');
      await ivy.saw('held');
      await silent(async () => {
        await bob.does('stats');
        return (await bob.next('stats')).packets_received;
      });
      await bob.reoffers('unhold');
      await ivy.saw('resumed');
      await hearsItself(ivy);
    });

    test('baresip holds offhook, and lets it go on', async () => {
      const ivy = await baresipCalls('ivy');
      await hearsItself(ivy);
      await ivy.do('hold');
      await bob.saw('hold', { originator: 'remote' });
      assert.deepEqual((await onlyCall()).hold, { local: false, remote: true });
      await ivy.do('resume');
      await bob.saw('unhold', { originator: 'remote' });
      await hearsItself(ivy);
    });

    test('each holds the other', async () => {
      const ivy = await baresipCalls('ivy');
      await hearsItself(ivy);
      await ivy.do('hold');
      await bob.saw('hold', { originator: 'remote' });
      await bob.reoffers('hold');
      assert.deepEqual((await onlyCall()).hold, { local: true, remote: true });
      await bob.reoffers('unhold');
      assert.deepEqual((await onlyCall()).hold, { local: false, remote: true });
      await ivy.do('resume');
      await bob.saw('unhold', { originator: 'remote' });
      await hearsItself(ivy);
    });

    test('offhook holds baresip, which has offered before', async () => {
      const ivy = await baresipCalls('ivy');
      await hearsItself(ivy);
      // The two offers may meet, and then each is refused once.
      await bob.reoffers('hold');
      await ivy.saw('held');
      bob.refusals = bob.refusals.filter(({ status }) => status !== 491);
      await bob.reoffers('unhold');
      await ivy.saw('resumed');
      await hearsItself(ivy);
    });

    for (const [user, by] of [['ivy', 'rtp'], ['jack', 'info']]) {
      test(`tones go both ways ${by === 'info' ? 'by INFO' : 'in the audio'}`, async () => {
        const peer = await bobCalls(user);
        await hearsItself(peer);
        await bob.does(`dtmf 3A# ${by} duration 100ms gap 100ms`);
        for (const digit of '3A#') await peer.next('dtmf', { digit });
        await peer.do('dtmf', { digits: '42*' });
        for (const tone of '42*') await bob.next('newDTMF', { tone, originator: 'remote', by });
      });
    }

    test('baresip gives up while offhook rings', async () => {
      await peers.ivy.do('dial', { uri: address('bob') });
      await bob.saw('incoming');
      await peers.ivy.saw('ringing');
      await peers.ivy.do('hangup');
      await bob.saw('failed', { originator: 'remote', cause: 'Canceled' });
    });

    test('offhook rejects the call of baresip', async () => {
      await peers.ivy.do('dial', { uri: address('bob') });
      await bob.saw('incoming');
      await bob.does('reject 486');
      const { text } = await peers.ivy.saw('closed');
      assert.match(text, /486/);
    });
  });
}
