// Chromium, as every test here wants it.

import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { remove, temporaryFolder } from './folder.mjs';

const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  // Where a machine has only `lo`, gathering would find nothing and never end; and nobody here
  // resolves the names that would stand in for addresses.
  '--allow-loopback-in-peer-connection',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
];

/** Starts Chromium with a profile of its own: its `context`, and `stop()`. */
export async function launchChromium(options = {}) {
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);
  if (!executablePath) throw new Error('no /usr/bin/chromium: apt-get install chromium');
  const profile = temporaryFolder('chromium');
  try {
    const context = await chromium.launchPersistentContext(profile, {
      executablePath,
      headless: true,
      args: FLAGS,
      ...options,
    });
    const stop = async () => {
      await context.close();
      remove(profile);
    };
    return { context, stop };
  } catch (error) {
    remove(profile);
    throw error;
  }
}
