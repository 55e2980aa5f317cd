// An application that makes many calls in one page, from one of its users to the other, and keeps
// none of them.

import JsSIP from 'jssip';

// For the test, which counts what is alive.
window.JsSIP = JsSIP;

const OPTIONS = { mediaConstraints: { audio: true, video: false }, pcConfig: { iceServers: [] } };
const agents = [];

/** A user agent that answers its calls, registered. */
function register({ server, uri, password }) {
  const ua = new JsSIP.UA({
    sockets: [new JsSIP.WebSocketInterface(server)], uri, password, register: true,
  });
  agents.push(ua);
  ua.on('newRTCSession', ({ originator, session }) => {
    if (originator === 'remote') session.answer(OPTIONS);
  });
  return new Promise((resolve, reject) => {
    ua.once('registered', () => resolve());
    ua.once('registrationFailed', ({ cause }) => reject(new Error(cause)));
    ua.start();
  });
}

/** One call, which ends as soon as it stands. */
const call = (target) => new Promise((resolve, reject) => {
  const session = agents[0].call(target, OPTIONS);
  session.once('confirmed', () => session.terminate());
  session.once('ended', () => resolve());
  session.once('failed', ({ cause }) => reject(new Error(cause)));
});

window.phone = {
  register,

  /** Makes `count` calls, `together` at a time. */
  async calls(target, count, together) {
    const one = async () => {
      while (count-- > 0) await call(target);
    };
    await Promise.all(Array.from({ length: together }, one));
  },

  /** What the engines of the package hold: live things by name, for each user. */
  live: () => agents.map((ua) => ua.driver.live()),

  stop: () => Promise.all(agents.map((ua) => new Promise((resolve) => {
    ua.once('disconnected', () => resolve());
    ua.stop();
  }))),
};
