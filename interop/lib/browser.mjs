// Chromium with a phone in each page, on JsSIP or on what replaces it.

import { once } from 'node:events';
import http from 'node:http';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { launchChromium } from './chromium.mjs';
import { Log } from './log.mjs';

const HTML =
  '<!doctype html><meta charset="utf-8"><title>phone</title><script defer src="phone.js"></script>';

const file = (path) => fileURLToPath(new URL(path, import.meta.url));

/** What stands for `jssip` in a page, by the name of the library. */
const LIBRARIES = { jssip: {}, offhook: { jssip: file('../../npm/dist/offhook.js') } };

/** Bundles a page's script, with `library` as its `jssip`. */
export function bundle(entry, library = 'jssip') {
  return buildSync({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'iife',
    define: { global: 'window', 'process.env.NODE_ENV': '"production"' },
    alias: LIBRARIES[library],
  }).outputFiles[0].text;
}

/**
 * Starts Chromium. The result makes phones with `phone(name, library)`, or with another script
 * than `page/phone.js`, and ends with `stop()`.
 */
export async function startBrowser() {
  /** The page of each library and script, made when it is first opened. */
  const files = {};
  const { context, address, stop } = await startChromiumWith(files);
  const phone = (name, library = 'jssip', script = 'phone') => {
    const folder = `${script}-${library}`;
    files[`/${folder}/`] ??= HTML;
    files[`/${folder}/phone.js`] ??= bundle(file(`../page/${script}.js`), library);
    return BrowserPhone.open(context, `${address}${folder}/`, `${library} ${name}`);
  };
  return { phone, stop };
}

/**
 * Starts Chromium beside a server of `files`, texts by path. The result has the `context` that opens
 * pages, the `address` of the server and `stop()`.
 */
export async function startChromiumWith(files) {
  const pages = http.createServer((request, response) => {
    const text = files[request.url];
    if (text === undefined) return response.writeHead(404).end();
    const script = request.url.endsWith('.js');
    response.setHeader('content-type', `text/${script ? 'javascript' : 'html'}; charset=utf-8`);
    response.end(text);
  });
  pages.listen(0, '127.0.0.1');
  await once(pages, 'listening');

  let browser;
  const stop = async () => {
    await browser?.stop();
    pages.closeAllConnections();
    pages.close();
  };
  try {
    browser = await launchChromium();
  } catch (error) {
    await stop();
    throw error;
  }
  const address = `http://127.0.0.1:${pages.address().port}/`;
  return { context: browser.context, address, stop };
}

/** A user agent in a page of its own. */
class BrowserPhone {
  static async open(context, address, name) {
    const phone = new BrowserPhone();
    phone.events = new Log(name);
    phone.page = await context.newPage();
    phone.page.on('pageerror', (error) =>
      phone.events.push({ event: 'pageerror', text: `pageerror: ${error.stack ?? error}` }),
    );
    await phone.page.exposeFunction('report', (event) => phone.events.push(event));
    await phone.page.goto(address);
    return phone;
  }

  /** Calls a function of the page's script. */
  do(action, ...args) {
    return this.page.evaluate(([action, args]) => window.phone[action](...args), [action, args]);
  }

  /** The first event of this name, now or later, with these properties. */
  saw(event, properties = {}, options) {
    return this.events.find(event, matching({ event, ...properties }), options);
  }

  /** The same, and then only what came after it is found. */
  next(event, properties = {}, options) {
    return this.events.next(event, matching({ event, ...properties }), options);
  }

  async register(account) {
    await this.do('register', account);
    await this.saw('registered');
  }

  /** What went wrong in the page, and the descriptions that its connections would not take. */
  faults() {
    return this.events.entries.filter(
      ({ event }) => event === 'pageerror' || /descriptionfailed$/.test(event),
    );
  }

  /** Unregisters and closes the page. */
  async close() {
    await this.do('stop');
    await this.page.close();
  }
}

/** Whether an object has at least these properties. */
export function matching(properties) {
  return (entry) => Object.entries(properties).every(([name, value]) => entry[name] === value);
}
