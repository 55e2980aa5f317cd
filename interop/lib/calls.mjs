// The calls that every server between offhook and a browser has to carry.

import assert from 'node:assert/strict';
import { after, before, beforeEach, afterEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startBrowser } from './browser.mjs';
import { print } from './log.mjs';
import { audible, inboundPackets } from './media.mjs';
import { Offhook, offhookBinary } from './offhook.mjs';

const SPEECH = fileURLToPath(new URL('../../assets/speech.wav', import.meta.url));
const USERS = { alice: 'alicepw', bob: 'bobpw' };

/**
 * Defines the tests. `startServer` takes the users and resolves to an object with `domain`, `ws`,
 * `udp` and `tcp` (URLs), `log` and `stop()`. `library` is what the page runs on.
 */
export function describeCalls(name, startServer, { library = 'jssip' } = {}) {
  describe(`offhook and ${library} in a page through ${name}`, () => {
    let server, browser, alice, natives;

    before(async () => {
      // Building it takes minutes, in which nothing else should be running.
      offhookBinary();
      server = await startServer(USERS);
      browser = await startBrowser();
      // Alice is in the browser, bob is offhook.
      alice = await browser.phone('alice', library);
      await alice.register({ server: server.ws, uri: address('alice'), password: USERS.alice });
    });
    after(async () => {
      await alice?.close();
      await browser?.stop();
      await server?.stop();
    });

    beforeEach(() => {
      natives = [];
      alice.events.forget();
    });
    afterEach(async (context) => {
      await Promise.all(natives.map((native) => native.stop()));
      await alice.do('terminateAll');
      if (context.error || context.passed === false) {
        print([server.log, ...natives.map(({ lines }) => lines)]);
      }
    });

    const address = (user) => `sip:${user}@${server.domain}`;
    const offhook = (...args) => {
      const native = new Offhook(...args);
      natives.push(native);
      return native;
    };

    /** Bob is registered and waits for one call. */
    async function bobWaits(...args) {
      const bob = offhook(
        'answer', address('bob'), '--password', USERS.bob, '--once', '--loopback', ...args,
      );
      await bob.saw('registered');
      return bob;
    }

    /** Bob answers with an echo, alice has called him, and both say that the call stands. */
    async function aliceCallsBob(transport = 'ws') {
      const bob = await bobWaits('--server', server[transport], '--echo');
      await alice.do('call', address('bob'));
      const { from } = await bob.saw('incoming');
      assert.match(from, new RegExp(`^sip:alice@${server.domain}`));
      await Promise.all([alice.saw('confirmed'), bob.saw('confirmed')]);
      return bob;
    }

    /** Bob calls `callee` and plays some speech. */
    const bobCalls = (callee, { transport = 'ws', args = [] } = {}) =>
      offhook(
        'call', address(callee), '--from', address('bob'), '--password', USERS.bob,
        '--server', server[transport], '--play', SPEECH, '--loopback', ...args,
      );

    /** The last line of `bob`, who has left without an error. */
    async function summary(bob) {
      const { code } = await bob.exited;
      assert.equal(code, 0, `bob ended with exit code ${code}:\n${bob.events.dump()}`);
      const last = bob.events.entries.filter(({ event }) => event).at(-1);
      assert.equal(last.event, 'summary');
      return last;
    }

    test('the browser calls, hears its echo, sends DTMF and hangs up', async () => {
      const bob = await aliceCallsBob();
      await inboundPackets(alice, 100);
      await audible(alice);

      await alice.do('sendDTMF', '15#');
      for (const tone of ['1', '5', '#']) {
        await bob.saw('newDTMF', { tone, originator: 'remote' });
      }
      await alice.do('terminate');
      await alice.saw('ended', { originator: 'local', cause: 'Terminated' });
      await bob.saw('ended', { originator: 'remote', cause: 'Terminated' });

      const { packets_sent, packets_received } = await summary(bob);
      assert.ok(packets_sent >= 100, `bob sent ${packets_sent} RTP packets`);
      assert.ok(packets_received >= 100, `bob received ${packets_received} RTP packets`);
    });

    test('the browser calls and offhook, interrupted, hangs up', async () => {
      const bob = await aliceCallsBob();
      await inboundPackets(alice, 100);
      bob.signal('SIGINT');
      await alice.saw('ended', { originator: 'remote', cause: 'Terminated' });
      await bob.saw('ended', { originator: 'local' });
      await bob.exited;
    });

    test('offhook rings the browser, which answers, and hangs up when told to', async () => {
      const bob = bobCalls('alice', {
        args: ['--dtmf', '12', '--dtmf-by', 'info', '--duration', '6s'],
      });
      const { from } = await alice.saw('incoming');
      assert.equal(from, address('bob'));
      await bob.saw('progress');
      await alice.do('answer');
      await Promise.all([alice.saw('confirmed'), bob.saw('confirmed')]);
      await inboundPackets(alice, 100);
      await audible(alice);

      for (const tone of ['1', '2']) {
        await alice.saw('newDTMF', { tone, originator: 'remote' });
      }

      await bob.saw('ended', { originator: 'local' });
      await alice.saw('ended', { originator: 'remote', cause: 'Terminated' });
      await summary(bob);
    });

    test('offhook rings the browser, which answers and hangs up', async () => {
      const bob = bobCalls('alice');
      await alice.saw('incoming');
      await alice.do('answer');
      await Promise.all([alice.saw('confirmed'), bob.saw('confirmed')]);
      await inboundPackets(alice, 100);
      await alice.do('terminate');
      await bob.saw('ended', { originator: 'remote', cause: 'Terminated' });
      await summary(bob);
    });

    // The browser cannot but speak WebSocket; the server stands between it and other transports.
    for (const transport of ['udp', 'tcp']) {
      test(`the browser calls offhook over ${transport}, which hangs up`, async () => {
        const bob = await aliceCallsBob(transport);
        await inboundPackets(alice, 100);
        bob.signal('SIGINT');
        await alice.saw('ended', { originator: 'remote', cause: 'Terminated' });
        await bob.saw('ended', { originator: 'local' });
      });

      test(`offhook over ${transport} calls the browser, which hangs up`, async () => {
        const bob = bobCalls('alice', { transport });
        await alice.saw('incoming');
        await alice.do('answer');
        await Promise.all([alice.saw('confirmed'), bob.saw('confirmed')]);
        await inboundPackets(alice, 100);
        await alice.do('terminate');
        await bob.saw('ended', { originator: 'remote', cause: 'Terminated' });
        await summary(bob);
      });
    }

    test('the browser gives up while offhook rings', async () => {
      const bob = await bobWaits('--server', server.ws, '--ring', '60s');
      await alice.do('call', address('bob'));
      await alice.saw('progress');
      await alice.do('terminate');
      await alice.saw('failed', { originator: 'local', cause: 'Canceled' });
      await bob.saw('failed', { originator: 'remote', cause: 'Canceled' });
    });

    test('offhook, interrupted while the browser rings, gives up', async () => {
      const bob = bobCalls('alice');
      await Promise.all([alice.saw('incoming'), bob.saw('progress')]);
      bob.signal('SIGINT');
      await alice.saw('failed', { originator: 'remote', cause: 'Canceled' });
      assert.equal((await bob.exited).code, 130);
    });

    test('the browser is busy', async () => {
      const bob = bobCalls('alice');
      await alice.saw('incoming');
      await alice.do('terminate', { status_code: 486 });
      await bob.saw('failed', { originator: 'remote', cause: 'Busy' });
      assert.equal((await bob.exited).code, 7);
    });

    test('nobody is there to be called', async () => {
      const bob = bobCalls('nobody');
      await bob.saw('failed', { originator: 'remote', cause: 'Not Found' });
      assert.equal((await bob.exited).code, 6);
    });

    test('the password is wrong', async () => {
      const bob = offhook(
        'answer', address('bob'), '--password', 'guess', '--server', server.ws, '--loopback',
      );
      assert.equal((await bob.exited).code, 5);
    });
  });
}
