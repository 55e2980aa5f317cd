// The page's own example of a data channel, between JsSIP in Chromium and `offhook answer --echo`.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { startBrowser } from '../lib/browser.mjs';
import { startKamailio } from '../lib/kamailio.mjs';
import { Offhook, offhookBinary, startExchange } from '../lib/offhook.mjs';

const USERS = { alice: 'alicepw', bob: 'bobpw' };

/** The application of page/chat.js. */
const chatPage = () => buildSync({
  entryPoints: [fileURLToPath(new URL('../page/chat.js', import.meta.url))],
  bundle: true,
  write: false,
  format: 'iife',
  define: { global: 'window' },
}).outputFiles[0].text;

for (const [name, startServer] of [['the exchange', startExchange], ['Kamailio', startKamailio]]) {
  describe(`data channels between JsSIP and offhook through ${name}`, () => {
    let server, browser;
    before(async () => {
      offhookBinary();
      server = await startServer(USERS);
      browser = await startBrowser();
    });
    after(async () => {
      await browser?.stop();
      await server?.stop();
    });

    const address = (user) => `sip:${user}@${server.domain}`;

    /** Bob echoes, and alice's page is at hand as `story(bob, alice, chat)`. */
    async function withChat(options, story) {
      const bob = new Offhook(
        'answer', address('bob'), '--password', USERS.bob, '--once', '--loopback',
        '--server', server.ws, '--echo',
      );
      const alice = await browser.phone('alice');
      const chat = (action, ...args) => alice.page.evaluate(
        ([action, args]) => window.chat[action](...args), [action, args],
      );
      try {
        await bob.saw('registered');
        await alice.page.addScriptTag({ content: chatPage() });
        await chat('call', {
          server: server.ws, uri: address('alice'), password: USERS.alice, target: address('bob'),
          ...options,
        });
        await alice.saw('chat:open', { label: 'chat' });
        await alice.saw('chat:confirmed');
        await bob.saw('media:datachannel', { label: 'chat' });
        await story(bob, alice, chat);
        await chat('stop');
      } catch (error) {
        for (const { name, entries } of [server.log, bob.lines]) {
          console.error(`${name} said:\n${entries.map(({ text }) => `  ${text}`).join('\n')}`);
        }
        throw error;
      } finally {
        await alice.close();
        await bob.stop();
      }
    }

    for (const audio of [true, false]) {
      test(`text and bytes come back, ${audio ? 'beside audio' : 'in a call without audio'}`, () =>
        withChat({ audio }, async (bob, alice, chat) => {
          await chat('text', 'hello, Grüße');
          await alice.saw('chat:text', { text: 'hello, Grüße' });
          await chat('binary', 5);
          const { bytes } = await alice.saw('chat:binary', { size: 5 });
          assert.deepEqual(bytes, [0, 1, 2, 3, 4]);
          // As large as a browser sends.
          await chat('binary', 262_144);
          await alice.saw('chat:binary', { size: 262_144 });

          await chat('terminate');
          await alice.saw('chat:ended');
          await bob.saw('ended', { originator: 'remote', cause: 'Terminated' });
        }));
    }

    test('the page closes its channel and the call goes on', () =>
      withChat({}, async (bob, alice, chat) => {
        await chat('close');
        await alice.saw('chat:close');
        await chat('terminate');
        await bob.saw('ended', { originator: 'remote', cause: 'Terminated' });
      }));

    test('offhook hangs up and the channel closes', () =>
      withChat({}, async (bob, alice) => {
        bob.signal('SIGINT');
        await alice.saw('chat:ended');
        await bob.exited;
      }));
  });
}
