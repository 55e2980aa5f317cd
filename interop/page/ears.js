// What a page hears, sees, and counts of the media that comes in.

/** The two frequencies of each DTMF tone, in hertz (ITU-T Q.23). */
const ROWS = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477, 1633];
const KEYS = ['123A', '456B', '789C', '*0#D'];

// Chromium decodes only what somebody listens to.
const speaker = new Audio();
const screen = document.createElement('video');
screen.muted = true;
/** What `heardTones` tells of. */
let ears;

/** Plays what `connection` brings. */
export function listen(connection) {
  connection.addEventListener('track', ({ track }) => {
    const player = track.kind === 'audio' ? speaker : screen;
    player.srcObject = new MediaStream([track]);
    // Told by the numbers, should it not play.
    player.play().catch(() => {});
  });
}

const NOTHING = {
  packetsReceived: 0, packetsLost: 0, bytesReceived: 0, totalAudioEnergy: 0, framesDecoded: 0,
};

/** Statistics of what comes in of this kind. */
export async function inbound(connection, kind) {
  for (const stat of (await connection.getStats()).values()) {
    if (stat.type === 'inbound-rtp' && stat.kind === kind) {
      return Object.fromEntries(Object.keys(NOTHING).map((name) => [name, stat[name] ?? 0]));
    }
  }
  return NOTHING;
}

/**
 * From now on `heardTones` tells of this connection. Chromium has no event for telephone events
 * (RFC 4733), but it makes them sound.
 */
export function followAudio(connection) {
  if (ears) {
    clearInterval(ears.timer);
    ears.context.close();
  }
  const { track } = connection.getReceivers().find(({ track }) => track.kind === 'audio');
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 2048;
  analyser.smoothingTimeConstant = 0;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const tones = [];
  const timer = setInterval(() => {
    const tone = toneIn(analyser);
    if (tone && tone !== tones.at(-1)) tones.push(tone);
  }, 20);
  ears = { context, timer, tones };
}

/** The DTMF tones that have sounded since, in their order; one that goes on is one. */
export function heardTones() {
  return ears.tones.join('');
}

/** The tone that sounds right now, or nothing. */
function toneIn(analyser) {
  const decibels = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(decibels);
  const width = analyser.context.sampleRate / analyser.fftSize;
  const level = (hertz) => {
    const bin = Math.round(hertz / width);
    return Math.max(...decibels.subarray(bin - 1, bin + 2));
  };
  const loudest = (frequencies) => {
    const levels = frequencies.map(level);
    const best = levels.indexOf(Math.max(...levels));
    const others = levels.filter((_, index) => index !== best);
    return levels[best] > -50 && levels[best] > Math.max(...others) + 10 ? best : undefined;
  };
  const [row, column] = [loudest(ROWS), loudest(COLUMNS)];
  return KEYS[row]?.[column];
}
