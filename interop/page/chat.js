// A page whose application makes a data channel as JsSIP's documentation shows, and reports what
// it hears through window.report().

import JsSIP from 'jssip';

let ua;
let channel;
let session;

const MEDIA = { pcConfig: { iceServers: [] } };
const report = (event, data = {}) => window.report({ event: `chat:${event}`, ...data });

function listen(datachannel) {
  channel = datachannel;
  channel.binaryType = 'arraybuffer';
  channel.onopen = () => report('open', { label: channel.label });
  channel.onclose = () => report('close');
  channel.onmessage = ({ data }) => {
    if (typeof data === 'string') report('text', { text: data });
    else report('binary', { bytes: [...new Uint8Array(data)].slice(0, 8), size: data.byteLength });
  };
}

window.chat = {
  /** Calls `target`, with a data channel beside its audio or without audio. */
  call({ server, uri, password, target, audio = true }) {
    ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(server)], uri, password, register: false,
    });
    ua.on('connected', () => {
      session = ua.call(target, {
        ...MEDIA,
        mediaConstraints: { audio, video: false },
        eventHandlers: {
          peerconnection: (data) => listen(data.peerconnection.createDataChannel('chat')),
          confirmed: () => report('confirmed'),
          ended: () => report('ended'),
          failed: ({ cause }) => report('failed', { cause }),
        },
      });
    });
    ua.start();
  },

  /** Registers, answers the next call, and takes the channel that comes with it. */
  answer({ server, uri, password }) {
    ua = new JsSIP.UA({ sockets: [new JsSIP.WebSocketInterface(server)], uri, password });
    ua.on('registered', () => report('registered'));
    ua.on('newRTCSession', (data) => {
      session = data.session;
      session.on('peerconnection', ({ peerconnection }) => {
        peerconnection.ondatachannel = (event) => {
          listen(event.channel);
          report('channel', { label: channel.label });
        };
      });
      session.on('ended', () => report('ended'));
      session.answer({ ...MEDIA, mediaConstraints: { audio: true, video: false } });
    });
    ua.start();
  },

  text(text) {
    channel.send(text);
  },

  /** Sends `size` bytes that count up. */
  binary(size) {
    channel.send(Uint8Array.from({ length: size }, (_, at) => at));
  },

  /** Sends `texts` and closes the channel behind them. */
  farewell(texts) {
    for (const text of texts) channel.send(text);
    channel.close();
  },

  close() {
    channel.close();
  },

  terminate() {
    session.terminate();
  },

  stop() {
    ua?.stop();
  },
};
