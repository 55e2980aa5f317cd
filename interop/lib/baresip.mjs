// baresip: a user agent in C, which speaks SIP over WebSocket, ICE and DTLS-SRTP without a browser.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { matching } from './browser.mjs';
import { remove, temporaryFolder } from './folder.mjs';
import { Log } from './log.mjs';
import { Process } from './process.mjs';

const FOLDER = fileURLToPath(new URL('../baresip', import.meta.url));
const PYTHON = fileURLToPath(new URL('../build/baresip/bin/python', import.meta.url));

/** baresip in a process of its own, steered by `do`. */
export class Baresip extends Process {
  /** `server` is a ws:// URL, `dtmf` is how it sends tones: `rtpevent` or `info`. */
  constructor({ user, password, domain, server, dtmf = 'rtpevent' }) {
    assert.ok(existsSync(PYTHON), `no ${PYTHON}: npm run baresip`);
    const folder = temporaryFolder('baresip');
    const command = ['-u', path.join(FOLDER, 'peer.py'), user, password, domain, new URL(server).host, dtmf];
    const env = { ...process.env, HOME: folder, ...loopback(folder) };
    super(PYTHON, command, { name: `baresip ${user}`, spawn: { env } });
    this.events = new Log(this.name);
    this.exited.then(({ code, signal }) => {
      this.events.close(`ended with ${signal ?? `exit code ${code}`}`);
      remove(folder);
    });
  }

  heard(stream, text) {
    super.heard(stream, text);
    if (stream === 'stdout' && text.startsWith('{')) this.events.push(JSON.parse(text));
    else this.events.push({ text: `${stream}: ${text}` });
  }

  /** The first event of this name, now or later, with these properties. */
  saw(event, properties = {}, options) {
    return this.events.find(event, matching({ event, ...properties }), options);
  }

  /** The same, and then only what came after it is found. */
  next(event, properties = {}, options) {
    return this.events.next(event, matching({ event, ...properties }), options);
  }

  /** Gives a command and waits until it is carried out. */
  async do(action, options = {}) {
    for (let attempt = 0; ; attempt += 1) {
      const from = this.events.entries.length;
      this.say(JSON.stringify({ do: action, ...options }));
      const mine = (entry) => entry.do === action;
      const answer = await this.events.find(`end of ${action}`, mine, { from });
      // It makes one offer at a time, and the last one may not be answered yet.
      if (attempt < 20 && /retry shortly/.test(answer.error)) {
        await delay(100);
        continue;
      }
      assert.equal(answer.event, 'done', `${action}: ${answer.error}`);
      return answer;
    }
  }

  async quit() {
    this.say(JSON.stringify({ do: 'quit' }));
    await Promise.race([this.exited, delay(3000, undefined, { ref: false })]);
    await this.stop();
  }
}

/** baresip gives loopback addresses to nobody. Where there are no others it is told they are none. */
function loopback(folder) {
  const others = Object.values(os.networkInterfaces()).flat().some(({ internal }) => !internal);
  if (others) return {};
  const library = path.join(folder, 'loopback.so');
  execFileSync('cc', ['-shared', '-fPIC', '-o', library, path.join(FOLDER, 'loopback.c')]);
  return { LD_PRELOAD: library };
}
