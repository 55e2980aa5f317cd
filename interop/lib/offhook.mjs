// The command under test.

import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { matching } from './browser.mjs';
import { Log } from './log.mjs';
import { Process } from './process.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let binary = process.env.OFFHOOK_BIN && path.resolve(process.env.OFFHOOK_BIN);

/** Builds what `target` names to cargo, and gives its path. */
function built(...target) {
  const output = execFileSync(
    'cargo', ['build', '--locked', ...target, '--message-format', 'json-render-diagnostics'],
    { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const messages = output.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  return messages.map((message) => message.executable).findLast(Boolean);
}

/** The path of the command: $OFFHOOK_BIN, or built here and now. */
export function offhookBinary() {
  binary ??= built('-p', 'offhook-cli');
  return binary;
}

/** The path of an example of the library, built here and now. */
export const offhookExample = (name) => built('-p', 'offhook', '--example', name);

/** `offhook VERB ... --json` as a running process. */
export class Offhook extends Process {
  constructor(verb, ...args) {
    super(offhookBinary(), [verb, ...args, '--json'], { name: `offhook ${verb}` });
    /** The JSON lines it has printed. What else it printed stands between them. */
    this.events = new Log(this.name);
    this.exited.then(({ code, signal }) =>
      this.events.close(`ended with ${signal ?? `exit code ${code}`}`),
    );
  }

  heard(stream, text) {
    super.heard(stream, text);
    this.events.push(stream === 'stdout' ? JSON.parse(text) : { text: `stderr: ${text}` });
  }

  /** The first event of this name, now or later, with these properties. */
  saw(event, properties = {}, options) {
    return this.events.find(event, matching({ event, ...properties }), options);
  }
}

/** `offhook phone`, steered by lines, which counts what its peers refuse. */
export class NativePhone extends Offhook {
  /** Responses of 300 and above to requests of this phone, as `{ status, method }`. */
  refusals = [];
  /** Every request that it has sent or received, as `{ sent, method }`. */
  requests = [];
  /** The CSeq of each BYE of this phone that nobody has answered yet. */
  #byes = new Set();
  #message;

  constructor({ address, password, server }, ...args) {
    super(
      'phone', address, '--password', password, '--server', server, '--loopback', '-v', ...args,
    );
  }

  heard(stream, text) {
    if (stream === 'stdout') return super.heard(stream, text);
    this.lines.push({ stream, text });
    const head = /-- (sent to|received from) /.exec(text);
    if (head) this.#message = { received: head[1] === 'received from' };
    else if (this.#message) return this.#read(text);
  }

  /** Reads the next line of a message. */
  #read(text) {
    const message = this.#message;
    message.start ??= text;
    const [, cseq, method] = /^CSeq:\s*(\d+\s+(\w+))/i.exec(text) ?? [];
    if (!method) return;
    this.#message = undefined;
    const [, status] = /^SIP\/2\.0 (\d+)/.exec(message.start) ?? [];
    if (!status) {
      if (method === 'BYE' && !message.received) this.#byes.add(cseq);
      return this.requests.push({ sent: !message.received, method });
    }
    if (message.received) this.#byes.delete(cseq);
    // A challenge is no refusal.
    if (!message.received || status < 300 || status === '401' || status === '407') return;
    this.refusals.push({ status: Number(status), method });
  }

  /** The same as `saw`, and then only what came after it is found. */
  next(event, properties = {}, options) {
    return this.events.next(event, matching({ event, ...properties }), options);
  }

  /** Gives a command and waits until it is carried out. */
  async does(command) {
    const from = this.events.entries.length;
    this.say(command);
    const told = (entry) => entry.command === command;
    const answer = await this.events.find(`answer to "${command}"`, told, { from });
    if (answer.event !== 'command:done') throw new Error(`${command}: ${answer.message}`);
    return answer;
  }

  /** Gives a command that makes an offer, as soon as one may be made; it comes to be. */
  async reoffers(command) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const { exchange } = await this.does(command);
        const { error } = await this.saw('renegotiate:done', { exchange });
        if (error) throw new Error(`${command}: ${error}`);
        return;
      } catch (error) {
        // The peer has made one, and its ACK is on the way.
        if (attempt >= 20 || !/not possible while|waiting for/.test(error.message)) throw error;
        await delay(50);
      }
    }
  }

  /** Ends every call, and waits until the peers have agreed. */
  async hangUp() {
    await this.does('hang-up all');
    const until = Date.now() + 5000;
    while (this.#byes.size || (await this.calls()).length) {
      if (Date.now() > until) throw new Error(`${this.name}: calls do not end`);
      await delay(20);
    }
  }

  /** Its calls as `calls` shows them. */
  async calls() {
    const from = this.events.entries.length;
    this.say('calls');
    return (await this.saw('calls', {}, { from })).calls;
  }
}

/**
 * Starts `offhook exchange` for `users`, an object of passwords by user name. The result has
 * `domain`, `ws`, `udp` and `tcp` (URLs), `log` and `stop()`.
 */
export async function startExchange(users, domain = 'localhost') {
  const accounts = Object.entries(users).flatMap((user) => ['--user', user.join(':')]);
  const exchange = new Offhook(
    'exchange',
    ...['ws', 'udp', 'tcp'].flatMap((transport) => ['--listen', `${transport}:127.0.0.1:0`]),
    ...accounts, '--domain', domain,
  );
  try {
    const { ws, udp, tcp } = await exchange.saw('listening');
    return { domain, ws, udp: `udp://${udp}`, tcp: `tcp://${tcp}`, log: exchange.lines, stop: () => exchange.stop() };
  } catch (error) {
    await exchange.stop();
    throw error;
  }
}
