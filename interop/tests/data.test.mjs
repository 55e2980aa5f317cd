// Data channels between a page in Chromium and offhook: the page's own example with
// `offhook answer --echo`, and the example `chat` of the library, which calls the page.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { bundle, startBrowser } from '../lib/browser.mjs';
import { print } from '../lib/log.mjs';
import { Offhook, offhookBinary, offhookExample } from '../lib/offhook.mjs';
import { Process } from '../lib/process.mjs';
import { PAGES } from '../lib/servers.mjs';

const USERS = { alice: 'alicepw', bob: 'bobpw' };

const CHAT = fileURLToPath(new URL('../page/chat.js', import.meta.url));

for (const { library, name, startServer } of PAGES) {
  describe(`data channels between ${library} in a page and offhook through ${name}`, () => {
    let server, browser, chatExample;
    before(async () => {
      offhookBinary();
      chatExample = offhookExample('chat');
      server = await startServer(USERS);
      browser = await startBrowser();
    });
    after(async () => {
      await browser?.stop();
      await server?.stop();
    });

    const address = (user) => `sip:${user}@${server.domain}`;

    /** Runs `story` with a page of the application; what `other()` said is printed if it fails. */
    async function withPage(other, story) {
      const alice = await browser.phone('alice', library);
      const chat = (action, ...args) => alice.page.evaluate(
        ([action, args]) => window.chat[action](...args), [action, args],
      );
      try {
        await alice.page.addScriptTag({ content: bundle(CHAT, library) });
        await story(alice, chat);
        await chat('stop');
      } catch (error) {
        print([server.log, other()?.lines ?? []].flat());
        throw error;
      } finally {
        await alice.close();
        await other()?.stop();
      }
    }

    /** Bob echoes, and alice's page is at hand as `story(bob, alice, chat)`. */
    function withChat(options, story) {
      const bob = new Offhook(
        'answer', address('bob'), '--password', USERS.bob, '--once', '--loopback',
        '--server', server.ws, '--echo',
      );
      return withPage(() => bob, async (alice, chat) => {
        await bob.saw('registered');
        await chat('call', {
          server: server.ws, uri: address('alice'), password: USERS.alice, target: address('bob'),
          ...options,
        });
        await alice.saw('chat:open', { label: 'chat' });
        await alice.saw('chat:confirmed');
        await bob.saw('media:datachannel', { label: 'chat' });
        await story(bob, alice, chat);
      });
    }

    test('offhook calls the page with a channel, both talk, and the page leaves it', async () => {
      const account = [address('bob'), USERS.bob, server.ws];
      let bob;
      const says = (line) => bob.lines.find(line, ({ text }) => text === line);
      await withPage(() => bob, async (alice, chat) => {
        await chat('answer', {
          server: server.ws, uri: address('alice'), password: USERS.alice,
        });
        await alice.saw('chat:registered');
        bob = new Process(chatExample, [...account, address('alice')], { name: 'chat' });
        await alice.saw('chat:channel', { label: 'chat' });
        await says('* chat opened');
        bob.say('hello, Grüße');
        await alice.saw('chat:text', { text: 'hello, Grüße' });
        await chat('binary', 262_144);
        await says('< 262144 bytes');
        // What is sent right before the end arrives.
        const texts = Array.from({ length: 20 }, (_, at) => `${at} of 20`);
        await chat('farewell', texts);
        await says('* chat closed');
        const heard = bob.lines.entries.map(({ text }) => text).filter((text) => text.endsWith(' of 20'));
        assert.deepEqual(heard, texts.map((text) => `< ${text}`));
        bob.child.stdin.end();
        await alice.saw('chat:ended');
        assert.equal((await bob.exited).code, 0);
      });
    });

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
