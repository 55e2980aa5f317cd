// JsSIP to JsSIP through Kamailio: no line of offhook runs. When this fails, the harness or the
// machine is at fault, and the other tests say nothing.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startBrowser } from '../lib/browser.mjs';
import { startKamailio } from '../lib/kamailio.mjs';
import { inboundPackets } from '../lib/media.mjs';

let kamailio, browser;
before(async () => {
  kamailio = await startKamailio({ alice: 'alicepw', bob: 'bobpw' });
  browser = await startBrowser();
});
after(async () => {
  await browser?.stop();
  await kamailio?.stop();
});

test('JsSIP calls JsSIP through Kamailio', async () => {
  const [alice, bob] = await Promise.all(['alice', 'bob'].map((name) => browser.phone(name)));
  for (const [phone, name] of [[alice, 'alice'], [bob, 'bob']]) {
    await phone.register({
      server: kamailio.ws,
      uri: `sip:${name}@${kamailio.domain}`,
      password: `${name}pw`,
    });
  }

  await alice.do('call', `sip:bob@${kamailio.domain}`);
  const { from } = await bob.saw('incoming');
  assert.equal(from, `sip:alice@${kamailio.domain}`);
  await bob.do('answer');
  await Promise.all([alice.saw('confirmed'), bob.saw('confirmed')]);
  await inboundPackets(alice, 100);
  await inboundPackets(bob, 100);

  await alice.do('sendDTMF', '5');
  await bob.saw('newDTMF', { originator: 'remote', tone: '5' });
  await bob.do('terminate');
  await alice.saw('ended', { originator: 'remote' });
  await Promise.all([alice.close(), bob.close()]);
});
