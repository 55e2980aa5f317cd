// Child processes that end with the test, whatever happens to it.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Log } from './log.mjs';

const running = new Set();

// A test that throws still runs its `after` hooks; this is for the runner itself being ended. Each
// child leads a process group, so that its own children are reached too.
process.on('exit', () => running.forEach((child) => signalGroup(child, 'SIGTERM')));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

function signalGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // It has just ended by itself.
    if (error.code !== 'ESRCH') throw error;
  }
}

/** A child process and the lines it has printed. */
export class Process {
  /** Lines of standard output and standard error, as `{ stream, text }`. */
  lines;

  constructor(command, args, options = {}) {
    this.name = options.name ?? command;
    this.lines = new Log(this.name);
    this.child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
      ...options.spawn,
    });
    running.add(this.child);
    this.exited = new Promise((resolve) => {
      this.child.once('error', (error) => {
        running.delete(this.child);
        this.lines.close(`could not be started: ${error.message}`);
        resolve({ code: null, signal: null, error });
      });
      this.child.once('close', (code, signal) => {
        running.delete(this.child);
        this.lines.close(`ended with ${signal ?? `exit code ${code}`}`);
        resolve({ code, signal });
      });
    });
    // Told by its end, to those who wait for something.
    this.child.stdin.on('error', () => {});
    for (const stream of ['stdout', 'stderr']) {
      createInterface({ input: this.child[stream] }).on('line', (text) => this.heard(stream, text));
    }
  }

  /** Takes a line that the process has printed to `stream`. */
  heard(stream, text) {
    this.lines.push({ stream, text });
  }

  /** Types a line. */
  say(line) {
    this.child.stdin.write(`${line}\n`);
  }

  /** Sends `signal`, to this process alone. */
  signal(signal) {
    this.child.kill(signal);
  }

  /** Ends the process if it still runs: asks first, and after 5 seconds does not ask. */
  async stop() {
    if (!running.has(this.child)) return this.exited;
    this.child.kill('SIGTERM');
    const force = setTimeout(() => signalGroup(this.child, 'SIGKILL'), 5000);
    const result = await this.exited;
    clearTimeout(force);
    return result;
  }
}
