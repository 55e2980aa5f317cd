// JsSIP as an application uses it, with its events reported to the test through window.report().

import JsSIP from 'jssip';

const SESSION_EVENTS = [
  'peerconnection', 'connecting', 'sending', 'progress', 'accepted', 'confirmed', 'newDTMF',
  'newInfo', 'ended', 'failed', 'getusermediafailed', 'peerconnection:createofferfailed',
  'peerconnection:createanswerfailed', 'peerconnection:setlocaldescriptionfailed',
  'peerconnection:setremotedescriptionfailed',
];
const UA_EVENTS = [
  'connected', 'disconnected', 'registered', 'unregistered', 'registrationFailed',
];
const MEDIA = {
  mediaConstraints: { audio: true, video: false },
  pcConfig: { iceServers: [] },
};

let ua;
let session;

// Chromium decodes only what somebody listens to.
const speaker = new Audio();

function listen(connection) {
  connection.addEventListener('track', ({ track }) => {
    speaker.srcObject = new MediaStream([track]);
    speaker.play();
  });
}

function follow(newSession) {
  session = newSession;
  // An outgoing session has its connection by now and has told nobody.
  if (session.connection) listen(session.connection);
  else session.on('peerconnection', ({ peerconnection }) => listen(peerconnection));
  for (const event of SESSION_EVENTS) {
    session.on(event, (data) => {
      window.report({
        event,
        originator: data?.originator,
        cause: data?.cause,
        tone: data?.dtmf?.tone,
        status: data?.response?.status_code,
      });
    });
  }
}

window.phone = {
  version: JsSIP.version,

  register({ server, uri, password }) {
    const sockets = [new JsSIP.WebSocketInterface(server)];
    ua = new JsSIP.UA({ sockets, uri, password, register: true, register_expires: 120 });
    for (const event of UA_EVENTS) {
      ua.on(event, (data) => window.report({ event, cause: data?.cause }));
    }
    ua.on('newRTCSession', (data) => {
      // An outgoing one is followed from here on too, before its first event.
      follow(data.session);
      if (data.originator === 'remote') {
        window.report({ event: 'incoming', from: data.request.from.uri.toString() });
      }
    });
    ua.start();
  },

  call(target) {
    ua.call(target, MEDIA);
  },

  answer() {
    session.answer(MEDIA);
  },

  sendDTMF(tones) {
    session.sendDTMF(tones, { duration: 100, interToneGap: 100, transportType: 'INFO' });
  },

  terminate(options = {}) {
    session.terminate(options);
  },

  /** Statistics of the audio that comes in. */
  async inboundAudio() {
    for (const stat of (await session.connection.getStats()).values()) {
      if (stat.type === 'inbound-rtp' && stat.kind === 'audio') {
        const { packetsReceived, packetsLost, bytesReceived, totalAudioEnergy } = stat;
        return { packetsReceived, packetsLost, bytesReceived, totalAudioEnergy };
      }
    }
    return { packetsReceived: 0, packetsLost: 0, bytesReceived: 0, totalAudioEnergy: 0 };
  },

  /** Unregisters and closes the connection; resolves when both are done. */
  stop() {
    return new Promise((resolve) => {
      if (!ua?.isConnected()) return resolve();
      ua.once('disconnected', () => resolve());
      ua.stop();
    });
  },
};
