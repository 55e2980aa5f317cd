// How the media of a session is doing: the figures that matter, out of `getStats()`.

/** One stream of one kind of media, in one direction. */
export interface StreamStats {
  kind: 'audio' | 'video';
  /** `opus`, `VP8`. */
  codec?: string;
  /** Bits per second since the last call of `stats()`. */
  bitrate?: number;
  packets: number;
  /** As the receiving side counts them. */
  packetsLost?: number;
  /** 0 to 1. */
  lossRate?: number;
  /** Milliseconds. */
  jitter?: number;
}

export interface SessionStats {
  /** Milliseconds there and back. */
  roundTripTime?: number;
  /** What is received. */
  inbound: StreamStats[];
  /** What is sent. */
  outbound: StreamStats[];
  /** How the two sides reach each other: `host`, `srflx`, `prflx`, `relay`. */
  path?: { local: string; remote: string; protocol: string };
  /** All that the peer connection says. */
  report: RTCStatsReport;
}

/** What one entry of a report may hold; which fields are there depends on its type and engine. */
interface Entry {
  id: string;
  type: string;
  timestamp: number;
  kind?: string;
  codecId?: string;
  remoteId?: string;
  mimeType?: string;
  bytesReceived?: number;
  bytesSent?: number;
  packetsReceived?: number;
  packetsSent?: number;
  packetsLost?: number;
  jitter?: number;
  roundTripTime?: number;
  currentRoundTripTime?: number;
  nominated?: boolean;
  selected?: boolean;
  state?: string;
  selectedCandidatePairId?: string;
  localCandidateId?: string;
  remoteCandidateId?: string;
  candidateType?: string;
  protocol?: string;
}

/** Reads the statistics of one session: bitrates come from two readings. */
export class StatsReader {
  #before = new Map<string, { bytes: number; timestamp: number }>();

  async read(connection: RTCPeerConnection | null): Promise<SessionStats> {
    const report: RTCStatsReport = connection ? await connection.getStats() : new Map();
    const entries = [...report.values()] as Entry[];
    const find = (id: string | undefined): Entry | undefined =>
      id === undefined ? undefined : (report.get(id) as Entry | undefined);
    const stats: SessionStats = { inbound: [], outbound: [], report };
    const counted = new Map<string, { bytes: number; timestamp: number }>();
    for (const entry of entries) {
      if (entry.kind !== 'audio' && entry.kind !== 'video') continue;
      const isInbound = entry.type === 'inbound-rtp';
      if (!isInbound && entry.type !== 'outbound-rtp') continue;
      const bytes = (isInbound ? entry.bytesReceived : entry.bytesSent) ?? 0;
      counted.set(entry.id, { bytes, timestamp: entry.timestamp });
      // What arrives of ours, the peer tells in its reports.
      const heard = isInbound ? entry : find(entry.remoteId);
      const packets = (isInbound ? entry.packetsReceived : entry.packetsSent) ?? 0;
      const lost = heard?.packetsLost;
      const all = isInbound ? packets + Math.max(lost ?? 0, 0) : packets;
      stats[isInbound ? 'inbound' : 'outbound'].push({
        kind: entry.kind,
        codec: find(entry.codecId)?.mimeType?.split('/')[1],
        bitrate: this.#bitrate(entry.id, bytes, entry.timestamp),
        packets,
        packetsLost: lost,
        lossRate: lost === undefined || all === 0 ? undefined : Math.max(lost, 0) / all,
        jitter: heard?.jitter === undefined ? undefined : heard.jitter * 1000,
      });
    }
    this.#before = counted;
    const pair = selectedPair(entries, find);
    const seconds =
      pair?.currentRoundTripTime ??
      entries.find((entry) => entry.type === 'remote-inbound-rtp')?.roundTripTime;
    if (seconds !== undefined) stats.roundTripTime = seconds * 1000;
    const local = find(pair?.localCandidateId);
    const remote = find(pair?.remoteCandidateId);
    if (local && remote) {
      stats.path = {
        local: local.candidateType ?? '',
        remote: remote.candidateType ?? '',
        protocol: local.protocol ?? '',
      };
    }
    return stats;
  }

  #bitrate(id: string, bytes: number, timestamp: number): number | undefined {
    const before = this.#before.get(id);
    if (!before || timestamp <= before.timestamp) return undefined;
    return Math.round(((bytes - before.bytes) * 8000) / (timestamp - before.timestamp));
  }
}

/** The pair of candidates that carries the media. */
function selectedPair(
  entries: Entry[],
  find: (id: string | undefined) => Entry | undefined,
): Entry | undefined {
  const transport = entries.find((entry) => entry.selectedCandidatePairId !== undefined);
  const named = find(transport?.selectedCandidatePairId);
  if (named) return named;
  const pairs = entries.filter((entry) => entry.type === 'candidate-pair');
  return (
    pairs.find((pair) => pair.selected) ??
    pairs.find((pair) => pair.nominated && pair.state === 'succeeded')
  );
}
