// The page as somebody meets it: served by the exchange, used by mouse, keyboard and ear.
//
// Needs `npm ci` in interop/, and the page built. WEB_PHONE_SHOTS=FOLDER keeps pictures of it.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launchChromium } from '../../../interop/lib/chromium.mjs';
import { Offhook } from '../../../interop/lib/offhook.mjs';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const PHONE = { width: 360, height: 740 };
const DESK = { width: 1280, height: 820 };
const SHOTS = process.env.WEB_PHONE_SHOTS;

/** How long a page may take for anything. */
const PATIENCE = 15_000;

describe('the web phone', () => {
  let exchange, browser, web, pages, complaints;

  before(async () => {
    assert.ok(existsSync(path.join(DIST, 'index.html')), 'build the page first: npm run build');
    if (SHOTS) mkdirSync(SHOTS, { recursive: true });
    exchange = new Offhook('exchange', `--web=${DIST}`, '--listen', 'ws:127.0.0.1:0', '-v');
    web = await exchange.saw('web');
    browser = await launchChromium({ viewport: PHONE });
    pages = [];
    complaints = [];
  });
  after(async () => {
    await browser?.stop();
    await exchange?.stop();
  });
  afterEach(async (context) => {
    if (context.passed === false) {
      console.error(exchange.lines.dump());
      if (SHOTS) {
        for (const [at, page] of pages.entries()) {
          await page.screenshot({ path: path.join(SHOTS, `failed-${at}.png`), fullPage: true });
        }
      }
    }
    await Promise.all(pages.splice(0).map((page) => page.close()));
    assert.deepEqual(complaints.splice(0), [], 'no page has complained');
  });

  /** A page for one person. */
  async function open({ viewport = PHONE, ...media } = {}) {
    const page = await browser.context.newPage();
    pages.push(page);
    page.setDefaultTimeout(PATIENCE);
    page.on('pageerror', (error) => complaints.push(String(error.stack ?? error)));
    page.on('console', (message) => {
      // The Content-Security-Policy speaks here, too.
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme: 'light', ...media });
    await page.goto(web.url);
    await page.locator('html[data-ready]').waitFor();
    return page;
  }

  async function signedIn(name, options) {
    const page = await open(options);
    await page.getByRole('button', { name: `Try it as ${name}` }).click();
    await page.locator('#line[data-state=ready]').waitFor();
    return page;
  }

  const button = (page, name) => page.getByRole('button', { name });
  const rung = (page, name) => page.locator('#ladder').getByRole('button', { name });

  async function callsEcho(page) {
    await button(page, 'Call Echo').click();
    await page.getByText(/^0:0\d$/).waitFor();
  }

  /** Every control that a person can reach has a name, and nothing hangs over the edge. */
  async function isInOrder(page, what) {
    const session = await page.context().newCDPSession(page);
    const { nodes } = await session.send('Accessibility.getFullAXTree');
    await session.detach();
    const roles = ['button', 'textbox', 'searchbox', 'checkbox', 'combobox', 'meter', 'dialog', 'link'];
    const controls = nodes.filter((node) => !node.ignored && roles.includes(node.role?.value));
    assert.ok(controls.length >= 3, `${what}: there are controls`);
    const nameless = controls.filter((node) => !node.name?.value?.trim());
    assert.deepEqual(nameless.map((node) => node.role.value), [], `${what}: all have names`);
    const { wide, room } = await page.evaluate(() => ({
      wide: document.documentElement.scrollWidth,
      room: document.documentElement.clientWidth,
    }));
    assert.ok(wide <= room, `${what}: ${wide} px are more than ${room}`);
    if (SHOTS) {
      const { width } = page.viewportSize();
      const name = `${what.replaceAll(' ', '-')}-${width}.png`;
      await page.screenshot({ path: path.join(SHOTS, name), fullPage: width < 900 });
    }
  }

  test('one signs in by a press, calls the echo, hears it, and hangs up by Escape', async () => {
    const page = await open();
    await isInOrder(page, 'signing in');
    await button(page, 'Try it as alice').click();
    await page.locator('#line', { hasText: 'alice@localhost' }).waitFor();
    await isInOrder(page, 'dialling');

    await callsEcho(page);
    for (const message of ['Sent INVITE', 'Received 200 OK for INVITE', 'Sent ACK']) {
      await rung(page, message).first().waitFor();
    }
    const told = await page.getByRole('status').allTextContents();
    assert.ok(told.join(' ').includes('alice@localhost'), 'the line is told');

    // The browser's microphone beeps; what comes back is louder than nothing.
    const loudness = page.getByRole('meter', { name: 'Their voice' });
    await page.waitForFunction(
      (meter) => Number(meter.getAttribute('aria-valuenow')) > 20,
      await loudness.elementHandle(),
    );
    const quality = page.getByRole('region', { name: 'Quality of the call' });
    await quality.getByText('opus').waitFor();
    await quality.getByText('Good', { exact: true }).waitFor();
    const receiving = await quality.locator('div', { hasText: /^Receiving/ }).textContent();
    assert.ok(Number(/(\d+) kbit/.exec(receiving)?.[1]) > 5, receiving);
    await isInOrder(page, 'talking');

    await page.keyboard.press('Escape');
    await rung(page, 'Sent BYE').waitFor();
    await rung(page, 'Received 200 OK for BYE').waitFor();
    await button(page, 'Call Echo').waitFor();
    await exchange.saw('call:ended');
  });

  test('the keyboard dials, and during a call sends tones', async () => {
    const page = await signedIn('alice');
    const field = page.getByRole('textbox', { name: 'Whom to call' });
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.type('15#');
    assert.equal(await field.inputValue(), '15#');
    await page.keyboard.press('Backspace');
    await field.fill('echo');
    await page.keyboard.press('Enter');
    await page.getByText(/^0:0\d$/).waitFor();

    await page.keyboard.press('5');
    await rung(page, 'Sent INFO with DTMF').waitFor();
    await rung(page, 'Received 200 OK for INFO').last().waitFor();
    await button(page, 'Keypad').click();
    await button(page, 'hash').click();
    await page.getByRole('status', { name: 'Keys pressed' }).getByText('5#').waitFor();
    await isInOrder(page, 'keys');
    // The first Escape closes what is open, the second hangs up.
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await rung(page, 'Sent BYE').waitFor();
  });

  test('a call is held and taken up again, and muted', async () => {
    const page = await signedIn('alice');
    await callsEcho(page);
    const hold = button(page, 'Hold');
    await hold.click();
    await page.getByText(/^On hold/).waitFor();
    assert.equal(await hold.getAttribute('aria-pressed'), 'true');
    // Whoever holds a call may make another.
    await page.getByRole('textbox', { name: 'Whom to call' }).waitFor();
    await isInOrder(page, 'holding');
    await hold.click();
    await page.getByText(/^0:\d\d$/).waitFor();
    assert.equal(await rung(page, 'Sent INVITE').count(), 4, 'two and one each for hold and unhold');
    await button(page, 'Mute').click();
    await page.getByText(/^Muted/).waitFor();
    await button(page, /^Hang up/).click();
    await rung(page, 'Sent BYE').waitFor();
  });

  test('a call has video from its start, and gets some in the middle', async () => {
    const page = await signedIn('alice', { viewport: DESK });
    await page.getByRole('textbox', { name: 'Whom to call' }).fill('echo');
    await button(page, 'Video call').click();
    const theirs = page.getByLabel("echo's picture");
    const moves = async () => {
      await theirs.waitFor();
      await page.waitForFunction(
        (video) => video.videoWidth > 0 && video.getVideoPlaybackQuality().totalVideoFrames > 20,
        await theirs.elementHandle(),
      );
    };
    await moves();
    await page.getByLabel('Your own picture').waitFor();
    await isInOrder(page, 'video');
    await page.keyboard.press('Escape');
    await button(page, 'Call Echo').waitFor();

    await callsEcho(page);
    await button(page, 'Camera').click();
    await moves();
    await button(page, 'Camera').click();
    await theirs.waitFor({ state: 'hidden' });
    await page.keyboard.press('Escape');
    await button(page, 'Call Echo').waitFor();
  });

  test('a message is shown whole, its secrets hidden', async () => {
    const page = await signedIn('alice', { viewport: DESK, colorScheme: 'dark' });
    await callsEcho(page);
    await page.getByRole('checkbox', { name: 'Calls only' }).uncheck();
    await rung(page, 'Sent REGISTER').last().click();
    const dialog = page.getByRole('dialog', { name: 'Sent REGISTER' });
    const text = await dialog.locator('pre').textContent();
    assert.match(text, /^REGISTER sip:localhost SIP\/2\.0\n/);
    assert.match(text, /^Authorization: Digest \(hidden\)$/m);
    assert.doesNotMatch(text, /response=|nonce=/);
    await isInOrder(page, 'message');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    // The Escape was the dialog's. From rung to rung by arrows, into the text by Enter.
    await page.getByText(/^0:\d\d$/).waitFor();
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await isInOrder(page, 'ladder');
    await page.keyboard.press('Escape');
  });

  test('bob calls alice, who answers by Enter; alice passes him on to the echo', async () => {
    const alice = await signedIn('alice');
    const bob = await signedIn('bob', { viewport: DESK });
    await button(bob, 'Call alice').click();
    await button(alice, 'Answer bob').waitFor();
    assert.match(await alice.title(), /^bob calls/);
    await isInOrder(alice, 'incoming');
    await bob.getByText('Ringing …').waitFor();
    await alice.keyboard.press('Enter');
    for (const page of [alice, bob]) await page.getByText(/^0:0\d$/).waitFor();

    await button(alice, 'Transfer').click();
    await alice.getByRole('textbox', { name: /^Whom bob/ }).fill('echo');
    await isInOrder(alice, 'transfer');
    await button(alice, 'Ask first').click();
    await alice.getByRole('heading', { name: 'echo' }).waitFor();
    await bob.getByText(/^You are on hold/).waitFor();
    await isInOrder(alice, 'two calls');
    await button(alice, 'Connect bob with echo').click();

    const asked = bob.getByText('alice wants to connect you with sip:echo@localhost.');
    await asked.and(bob.locator('#phone *')).waitFor();
    await isInOrder(bob, 'referral');
    await button(bob, 'Connect').click();
    await bob.getByRole('heading', { name: 'echo' }).waitFor();
    await bob.getByText(/^0:0\d$/).waitFor();
    await alice.getByText('bob talks to echo now.').waitFor();
    await alice.getByRole('textbox', { name: 'Whom to call' }).waitFor();
    await bob.keyboard.press('Escape');
    await button(bob, 'Call alice').waitFor();
  });

  test('whoever is busy, wrong or not there is told so', async () => {
    const alice = await signedIn('alice');
    const bob = await signedIn('bob');
    await button(bob, 'Call alice').click();
    await button(alice, 'Decline bob').click();
    await bob.getByText('alice declined').first().waitFor();
    await bob.getByRole('textbox', { name: 'Whom to call' }).fill('nobody');
    await button(bob, /^Call$/).click();
    await bob.getByText('There is no nobody here').first().waitFor();

    const carol = await open();
    await carol.getByLabel('Address').fill('sip:alice@localhost');
    await carol.getByRole('textbox', { name: 'Password' }).fill('guess');
    await button(carol, /^Sign in$/).click();
    await carol.getByText('does not take this address and password').waitFor();
    await isInOrder(carol, 'refused');
  });

  test('without a microphone one is told what to do', async () => {
    const page = await signedIn('alice');
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () =>
        Promise.reject(new DOMException('no', 'NotAllowedError'));
    });
    await button(page, 'Call Echo').click();
    await page.getByText('The browser may not use the microphone').waitFor();
    await isInOrder(page, 'no microphone');
  });

  test('the password is remembered only where its owner wants it', async () => {
    const page = await open();
    const kept = () => page.evaluate(() => localStorage.getItem('offhook.account'));
    await page.getByRole('textbox', { name: 'Password' }).fill('secret');
    await button(page, /^Sign in$/).click();
    await page.getByText('does not take this address and password').waitFor();
    assert.match(await kept(), /sip:alice@localhost/);
    assert.doesNotMatch(await kept(), /secret/);
    await page.getByLabel('Keep the password in this browser').check();
    await button(page, /^Sign in$/).click();
    await page.waitForFunction(() => localStorage.getItem('offhook.account').includes('secret'));
    await page.getByText('More settings').click();
    await button(page, 'Forget this account').click();
    assert.equal(await kept(), null);
  });
});
