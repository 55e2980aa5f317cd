// The figures that `stats()` takes out of a report.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { load } from '../load.mjs';

const { StatsReader } = await load('src/session/stats.ts');

const entries = (bytes, timestamp) => [
  { id: 'codec', type: 'codec', mimeType: 'audio/opus' },
  {
    id: 'in',
    type: 'inbound-rtp',
    kind: 'audio',
    codecId: 'codec',
    timestamp,
    bytesReceived: bytes,
    packetsReceived: 90,
    packetsLost: 10,
    jitter: 0.004,
  },
  {
    id: 'out',
    type: 'outbound-rtp',
    kind: 'audio',
    codecId: 'codec',
    remoteId: 'their',
    timestamp,
    bytesSent: bytes,
    packetsSent: 200,
  },
  { id: 'their', type: 'remote-inbound-rtp', kind: 'audio', packetsLost: 2, jitter: 0.01 },
  { id: 'transport', type: 'transport', timestamp, selectedCandidatePairId: 'pair' },
  {
    id: 'pair',
    type: 'candidate-pair',
    timestamp,
    currentRoundTripTime: 0.025,
    localCandidateId: 'ours',
    remoteCandidateId: 'theirs',
  },
  { id: 'ours', type: 'local-candidate', timestamp, candidateType: 'host', protocol: 'udp' },
  { id: 'theirs', type: 'remote-candidate', timestamp, candidateType: 'relay', protocol: 'udp' },
];

const connectionWith = (list) => ({
  getStats: async () => new Map(list.map((entry) => [entry.id, entry])),
});

describe('stats()', () => {
  it('sums up what the peer connection says', async () => {
    const stats = await new StatsReader().read(connectionWith(entries(1000, 1000)));
    assert.equal(stats.roundTripTime, 25);
    assert.deepEqual(stats.path, { local: 'host', remote: 'relay', protocol: 'udp' });
    const [heard] = stats.inbound;
    assert.deepEqual(
      [heard.kind, heard.codec, heard.packets, heard.packetsLost, heard.lossRate, heard.jitter],
      ['audio', 'opus', 90, 10, 0.1, 4],
    );
    const [sent] = stats.outbound;
    assert.deepEqual(
      [sent.packets, sent.packetsLost, sent.lossRate, sent.jitter],
      [200, 2, 0.01, 10],
    );
    assert.equal(stats.report.size, 8);
  });

  it('tells the bitrate between two calls', async () => {
    const reader = new StatsReader();
    const [first] = (await reader.read(connectionWith(entries(1000, 1000)))).inbound;
    assert.equal(first.bitrate, undefined);
    const [second] = (await reader.read(connectionWith(entries(5000, 3000)))).inbound;
    assert.equal(second.bitrate, 16_000);
  });

  it('is empty without a connection, and without streams', async () => {
    for (const connection of [null, connectionWith([])]) {
      const { inbound, outbound, roundTripTime } = await new StatsReader().read(connection);
      assert.deepEqual([inbound, outbound, roundTripTime], [[], [], undefined]);
    }
  });
});
