// Audio and video calls between a page in Chromium and offhook, which plays an IVF file and records
// what the browser's camera shows.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startBrowser } from '../lib/browser.mjs';
import { remove, temporaryFolder } from '../lib/folder.mjs';
import { print } from '../lib/log.mjs';
import { inboundPackets, pictures, readIvf } from '../lib/media.mjs';
import { Offhook, offhookBinary } from '../lib/offhook.mjs';
import { PAGES } from '../lib/servers.mjs';

const pattern = (codec) =>
  fileURLToPath(new URL(`../../assets/pattern-${codec}.ivf`, import.meta.url));
const USERS = { alice: 'alicepw', bob: 'bobpw' };

for (const { library, name, startServer } of PAGES) {
  describe(`video between ${library} in a page and offhook through ${name}`, () => {
    let server, browser, alice, bob, folder, seen;

    before(async () => {
      offhookBinary();
      server = await startServer(USERS);
      browser = await startBrowser();
      alice = await browser.phone('alice', library);
      await alice.register({ server: server.ws, uri: address('alice'), password: USERS.alice });
    });
    after(async () => {
      await alice?.close();
      await browser?.stop();
      await server?.stop();
    });
    beforeEach(() => {
      alice.events.forget();
      folder = temporaryFolder('video');
      seen = path.join(folder, 'seen.ivf');
    });
    afterEach(async (context) => {
      await bob?.stop();
      await alice.do('terminateAll');
      if (context.error || context.passed === false) {
        print([server.log, bob.lines]);
      }
      remove(folder);
    });

    const address = (user) => `sip:${user}@${server.domain}`;
    const arguments_ = (codec) => [
      '--password', USERS.bob, '--server', server.ws, '--loopback',
      '--play-video', pattern(codec), '--repeat-video', '--record-video', seen,
    ];

    /** Both see each other, the browser ends the call, and what bob recorded is a video. */
    async function theySeeEachOther(codec) {
      await Promise.all([alice.saw('confirmed'), bob.saw('confirmed')]);
      await bob.saw('media:videoreceived');
      await inboundPackets(alice, 50);
      // Three times round the file, and no frame was missing on the way.
      await pictures(alice, 150);
      await alice.do('terminate');
      await bob.exited;
      const { video } = bob.events.entries.filter(({ event }) => event).at(-1);
      assert.equal(video.codec, codec);
      assert.ok(video.frames_received > 50, JSON.stringify(video));
      assert.ok(video.key_frames_received >= 1, JSON.stringify(video));
      const recorded = readIvf(seen);
      assert.equal(recorded.codec, video.codec_received === 'VP8' ? 'VP80' : 'H264');
      assert.equal(recorded.frames, recorded.told);
      assert.ok(recorded.frames > 50 && recorded.width >= 160, JSON.stringify(recorded));
    }

    for (const [codec, file] of [['VP8', 'vp8'], ['H264', 'h264']]) {
      test(`the browser calls, and sees ${codec}`, async () => {
        bob = new Offhook('answer', address('bob'), '--once', ...arguments_(file));
        await bob.saw('registered');
        await alice.do('call', address('bob'), { video: true });
        await theySeeEachOther(codec);
      });

      test(`offhook calls the browser, which sees ${codec}`, async () => {
        bob = new Offhook('call', address('alice'), '--from', address('bob'), ...arguments_(file));
        await alice.saw('incoming');
        await alice.do('answer', { video: true });
        await theySeeEachOther(codec);
      });
    }

    test('a browser without a camera sees the video of offhook', async () => {
      bob = new Offhook('call', address('alice'), '--from', address('bob'), ...arguments_('vp8'));
      await alice.saw('incoming');
      await alice.do('answer', { video: false });
      await Promise.all([alice.saw('confirmed'), bob.saw('confirmed')]);
      await inboundPackets(alice, 50);
      await pictures(alice, 25);
      await alice.do('terminate');
      await bob.exited;
      const { video } = bob.events.entries.filter(({ event }) => event).at(-1);
      assert.equal(video.frames_received, 0, JSON.stringify(video));
    });
  });
}
