// `react-sip`, a package that is written for JsSIP, in an application whose bundler takes offhook
// for `jssip`; and with JsSIP itself, so that a fault of the package is known for one.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startBrowser } from '../lib/browser.mjs';
import { inboundPackets } from '../lib/media.mjs';
import { startExchange } from '../lib/offhook.mjs';

for (const library of ['jssip', 'offhook']) {
  describe(`react-sip on ${library}`, () => {
    let server, browser, app, bob, settings;
    before(async () => {
      server = await startExchange({ alice: 'alicepw', bob: 'bobpw' });
      browser = await startBrowser();
      bob = await browser.phone('bob');
      await bob.register({ server: server.ws, uri: address('bob'), password: 'bobpw' });
      app = await browser.phone('alice', library, 'react');
      const { port } = new URL(server.ws);
      settings = { host: server.domain, port: Number(port), user: 'alice', password: 'alicepw' };
      await app.do('show', settings);
      await shows({ sip: 'sipStatus/REGISTERED' });
    });
    after(async () => {
      await app?.page.close();
      await bob?.close();
      await browser?.stop();
      await server?.stop();
    });
    beforeEach(() => {
      bob.events.forget();
      app.events.forget();
    });

    const address = (user) => `sip:${user}@${server.domain}`;
    const shows = (state) => app.saw('shown', state);
    const IDLE = { call: 'callStatus/IDLE' };

    async function plays() {
      const until = Date.now() + 5000;
      while (!(await app.do('plays'))) {
        assert.ok(Date.now() < until, 'nothing is played');
        await delay(50);
      }
    }

    test('it calls, is heard, plays what it hears, and hangs up', async () => {
      await app.do('press', 'startCall', address('bob'));
      await shows({ call: 'callStatus/STARTING', direction: 'callDirection/OUTGOING' });
      const { from } = await bob.saw('incoming');
      assert.equal(from, address('alice'));
      await bob.do('answer');
      const { counterpart } = await shows({ call: 'callStatus/ACTIVE' });
      assert.match(counterpart, /sip:bob@/);
      await Promise.all([plays(), inboundPackets(bob, 10)]);
      app.events.forget();
      await app.do('press', 'stopCall');
      await bob.saw('ended', { originator: 'remote', cause: 'Terminated' });
      await shows(IDLE);
    });

    test('it rings, answers, and is hung up on', async () => {
      await bob.do('call', address('alice'));
      const { counterpart } = await shows({
        call: 'callStatus/STARTING', direction: 'callDirection/INCOMING',
      });
      assert.match(counterpart, /sip:bob@/);
      await app.do('press', 'answerCall');
      await Promise.all([bob.saw('confirmed'), shows({ call: 'callStatus/ACTIVE' })]);
      await Promise.all([plays(), inboundPackets(bob, 10)]);
      await bob.do('terminate');
      await shows(IDLE);
    });

    test('it is called twice, and is busy for the second', async () => {
      await bob.do('call', address('alice'));
      await bob.next('calling');
      await shows({ call: 'callStatus/STARTING' });
      await bob.do('call', address('alice'));
      const { call } = await bob.next('calling');
      await bob.saw('failed', { cause: 'Busy', call });
      await bob.do('terminateAll');
      await shows(IDLE);
    });

    test('its callee is busy', async () => {
      await app.do('press', 'startCall', address('bob'));
      await bob.saw('incoming');
      await bob.do('terminate', { status_code: 486 });
      await shows(IDLE);
    });

    test('a wrong password is told', async () => {
      await app.do('show', { ...settings, password: 'guess' });
      await shows({ sip: 'sipStatus/ERROR', error: 'sipErrorType/REGISTRATION' });
      await app.do('show', settings);
      await shows({ sip: 'sipStatus/REGISTERED' });
    });
  });
}
