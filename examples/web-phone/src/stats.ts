// How well a call is heard, from the numbers of its peer connection.

/** The numbers of one moment, and of the second before it. */
export interface Quality {
  /** `opus`, without the `audio/`. */
  codec?: string;
  /** Of the media's way, there and back, in ms. */
  roundTrip?: number;
  /** In ms. */
  jitter?: number;
  /** The part of the packets that did not come, from 0 to 1. */
  loss?: number;
  /** In kbit/s, audio and video. */
  received: number;
  sent: number;
  videoCodec?: string;
  /** Pictures that were shown in the last second. */
  framesShown: number;
  verdict: Verdict;
}

export type Verdict = 'good' | 'fair' | 'poor' | 'unknown';

interface Counters {
  at: number;
  bytesReceived: number;
  bytesSent: number;
  packetsReceived: number;
  packetsLost: number;
  frames: number;
}

/** Takes the numbers of one peer connection, time and again. */
export class Meter {
  #before: Counters | undefined;

  async read(connection: RTCPeerConnection): Promise<Quality> {
    const report = await connection.getStats();
    const now: Counters = {
      at: performance.now(),
      bytesReceived: 0,
      bytesSent: 0,
      packetsReceived: 0,
      packetsLost: 0,
      frames: 0,
    };
    const quality: Quality = { received: 0, sent: 0, framesShown: 0, verdict: 'unknown' };
    const codec = (id: unknown) => {
      const found = typeof id === 'string' ? report.get(id) : undefined;
      return (found as { mimeType?: string } | undefined)?.mimeType?.split('/')[1];
    };
    // The DOM's types know only part of what the reports hold.
    for (const entry of entries(report)) {
      if (entry.type === 'inbound-rtp') {
        now.bytesReceived += number(entry.bytesReceived);
        if (entry.kind === 'audio') {
          now.packetsReceived += number(entry.packetsReceived);
          now.packetsLost += number(entry.packetsLost);
          quality.codec = codec(entry.codecId);
          if (typeof entry.jitter === 'number') quality.jitter = entry.jitter * 1000;
        } else {
          now.frames += number(entry.framesDecoded);
          quality.videoCodec = codec(entry.codecId);
        }
      } else if (entry.type === 'outbound-rtp') {
        now.bytesSent += number(entry.bytesSent);
        if (entry.kind === 'audio') quality.codec ??= codec(entry.codecId);
      } else if (entry.type === 'candidate-pair' && entry.nominated === true) {
        if (typeof entry.currentRoundTripTime === 'number') {
          quality.roundTrip = entry.currentRoundTripTime * 1000;
        }
      }
    }
    const before = this.#before;
    this.#before = now;
    if (before) compare(quality, before, now);
    return quality;
  }
}

type Entry = Record<string, unknown>;

function entries(report: RTCStatsReport): Entry[] {
  const found: Entry[] = [];
  report.forEach((entry) => found.push(entry as Entry));
  return found;
}

const number = (value: unknown): number => (typeof value === 'number' ? value : 0);

function compare(quality: Quality, before: Counters, now: Counters): void {
  const millis = Math.max(1, now.at - before.at);
  const grown = (name: keyof Counters) => Math.max(0, now[name] - before[name]);
  quality.received = (grown('bytesReceived') * 8) / millis;
  quality.sent = (grown('bytesSent') * 8) / millis;
  quality.framesShown = grown('frames');
  const [came, lost] = [grown('packetsReceived'), grown('packetsLost')];
  if (came + lost > 0) {
    quality.loss = lost / (came + lost);
    quality.verdict = judge(quality.loss, quality.jitter ?? 0, quality.roundTrip ?? 0);
  }
}

/** By what people notice: gaps first, then a voice that comes late. */
function judge(loss: number, jitter: number, roundTrip: number): Verdict {
  if (loss > 0.08 || jitter > 80 || roundTrip > 600) return 'poor';
  if (loss > 0.02 || jitter > 35 || roundTrip > 300) return 'fair';
  return 'good';
}
