// The directions of the transceivers while the peer is held.

interface Turned {
  /** What it was. */
  before: RTCRtpTransceiverDirection;
  /** What it was made. */
  now: RTCRtpTransceiverDirection;
}

/** Turns transceivers so that nothing is received, and later back. */
export class HeldDirections {
  held = false;
  #turned = new Map<RTCRtpTransceiver, Turned>();

  /** Makes the directions fit `held`: also those of transceivers that came meanwhile. */
  apply(connection: RTCPeerConnection): void {
    if (!this.held) return this.#restore();
    for (const transceiver of connection.getTransceivers?.() ?? []) {
      const before = transceiver.direction;
      const now =
        before === 'sendrecv' ? 'sendonly' : before === 'recvonly' ? 'inactive' : undefined;
      if (now === undefined) continue;
      transceiver.direction = now;
      this.#turned.set(transceiver, { before, now });
    }
  }

  #restore(): void {
    for (const [transceiver, { before, now }] of this.#turned) {
      // Another direction than the one it was given is the application's own choice.
      if (transceiver.direction === now) transceiver.direction = before;
    }
    this.#turned.clear();
  }
}
