// A user agent of the built package over a scripted socket, and what it has told.

import JsSIP from '../../dist/offhook.js';

import { virtualClock, settled } from './clock.mjs';
import { ScriptedSocket } from './socket.mjs';

export { JsSIP };

const EVENTS = [
  'connecting',
  'connected',
  'disconnected',
  'registered',
  'unregistered',
  'registrationFailed',
];

/** Notes the events of an emitter: `story` has their names, `of` the payloads of one of them. */
export class Recorder {
  events = [];

  constructor(emitter, names) {
    for (const name of names) {
      emitter.on(name, (...args) => this.events.push({ name, args, event: args[0] }));
    }
  }

  /** The names of what was told, in its order. */
  get story() {
    return this.events.map(({ name }) => name).join(' ');
  }

  of(name) {
    return this.events.filter((event) => event.name === name).map(({ event }) => event);
  }

  /** What was told since the last time, by name. */
  take() {
    const { story } = this;
    this.events = [];
    return story;
  }
}

/** A user agent that has not been started. `configuration` is laid over the common one. */
export function agent(t, configuration = {}) {
  const clock = virtualClock(t);
  const socket = new ScriptedSocket();
  const ua = new JsSIP.UA({ sockets: [socket], uri: 'sip:alice@example.com', ...configuration });
  const told = new Recorder(ua, EVENTS);
  t.after(() => ua.stop());
  return { clock, socket, ua, told };
}

/** A user agent whose connection stands. */
export async function connected(t, configuration = {}) {
  const made = agent(t, { register: false, ...configuration });
  made.ua.start();
  made.socket.open();
  await settled();
  return made;
}

/** A user agent that is registered, for 600 seconds. */
export async function registered(t, configuration = {}) {
  const made = agent(t, configuration);
  made.socket.takesRegister();
  made.ua.start();
  made.socket.open();
  await settled();
  return made;
}
