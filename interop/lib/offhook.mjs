// The command under test.

import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { matching } from './browser.mjs';
import { Log } from './log.mjs';
import { Process } from './process.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let binary = process.env.OFFHOOK_BIN && path.resolve(process.env.OFFHOOK_BIN);

/** The path of the command: $OFFHOOK_BIN, or built here and now. */
export function offhookBinary() {
  if (binary) return binary;
  const output = execFileSync(
    'cargo',
    ['build', '--locked', '-p', 'offhook-cli', '--message-format', 'json-render-diagnostics'],
    { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const messages = output.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  binary = messages.map((message) => message.executable).findLast(Boolean);
  return binary;
}

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
