// What is asked of the media of a call.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until a browser phone has received `packets` more RTP packets, at most `within`
 * milliseconds, and gives the time it took. 50 packets a second are sent.
 */
export async function inboundPackets(phone, packets, within = 3000) {
  const started = Date.now();
  const before = (await phone.do('inboundAudio')).packetsReceived;
  for (;;) {
    const now = await phone.do('inboundAudio');
    const took = Date.now() - started;
    if (now.packetsReceived - before >= packets) return took;
    assert.ok(
      took < within,
      `${phone.events.name} received ${now.packetsReceived - before} RTP packets in ${took} ms, ` +
        `not ${packets}; there was:\n${phone.events.dump()}`,
    );
    await delay(100);
  }
}

/** Waits until a browser phone has heard something, and not silence. */
export async function audible(phone, within = 5000) {
  const started = Date.now();
  while ((await phone.do('inboundAudio')).totalAudioEnergy === 0) {
    assert.ok(
      Date.now() - started < within,
      `${phone.events.name} hears nothing but silence; there was:\n${phone.events.dump()}`,
    );
    await delay(100);
  }
}

/** Waits until a count of packets, which `count` gives, stays the same for half a second. */
export async function silent(count, within = 3000) {
  const started = Date.now();
  for (;;) {
    const before = await count();
    await delay(500);
    const more = (await count()) - before;
    if (more === 0) return;
    assert.ok(Date.now() - started < within, `${more} packets still come in half a second`);
  }
}

/** Waits until a browser phone has decoded so many pictures more. */
export async function pictures(phone, count, within = 15_000) {
  const started = Date.now();
  const before = (await phone.do('inboundVideo')).framesDecoded;
  for (;;) {
    const seen = (await phone.do('inboundVideo')).framesDecoded - before;
    if (seen >= count) return;
    assert.ok(
      Date.now() - started < within,
      `${phone.events.name} has seen ${seen} pictures, not ${count}; there was:\n` +
        phone.events.dump(),
    );
    await delay(100);
  }
}

/**
 * Waits until a browser phone that follows its audio has heard these tones. They have to last: a
 * busy page listens now and then only.
 */
export async function heard(phone, tones, within = 10_000) {
  const started = Date.now();
  for (;;) {
    const told = await phone.do('heardTones');
    if (told.includes(tones)) return;
    assert.ok(
      Date.now() - started < within,
      `${phone.events.name} hears the tones "${told}", not "${tones}"; there was:\n` +
        phone.events.dump(),
    );
    await delay(20);
  }
}

/** The codec and the size of an IVF file, the frames in it, and how many it says there are. */
export function readIvf(file) {
  const bytes = readFileSync(file);
  assert.equal(bytes.toString('latin1', 0, 4), 'DKIF', `${file} is an IVF file`);
  let frames = 0;
  // A header of its own length, then frames of a length, a timestamp, and so many bytes.
  for (let at = bytes.readUInt16LE(6); at + 12 <= bytes.length; frames += 1) {
    at += 12 + bytes.readUInt32LE(at);
    assert.ok(at <= bytes.length, `the last frame of ${file} is whole`);
  }
  return {
    codec: bytes.toString('latin1', 8, 12),
    width: bytes.readUInt16LE(12),
    height: bytes.readUInt16LE(14),
    frames,
    told: bytes.readUInt32LE(24),
  };
}
