// The directions of the transceivers while somebody is held.

interface Turned {
  /** What it was. */
  before: RTCRtpTransceiverDirection;
  /** What it was made. */
  now: RTCRtpTransceiverDirection;
}

/** Takes from transceivers what a hold leaves out, and later gives it back. */
export class HeldDirections {
  /** Whether the peer is held: nothing is received. */
  local = false;
  /** Whether the peer holds this side: nothing is sent. */
  remote = false;
  #turned = new Map<RTCRtpTransceiver, Turned>();

  /** Makes the directions fit: also those of transceivers that came meanwhile. */
  apply(connection: RTCPeerConnection): void {
    const turned = new Map<RTCRtpTransceiver, Turned>();
    for (const transceiver of connection.getTransceivers?.() ?? []) {
      const known = this.#turned.get(transceiver);
      // Another direction than the one it was given is the application's own choice.
      const before =
        known?.now === transceiver.direction ? known.before : transceiver.direction;
      const now = this.#turn(before);
      if (now !== transceiver.direction) transceiver.direction = now;
      if (now !== before) turned.set(transceiver, { before, now });
    }
    this.#turned = turned;
  }

  #turn(direction: RTCRtpTransceiverDirection): RTCRtpTransceiverDirection {
    if (direction === 'stopped') return direction;
    const sends = direction.startsWith('send') && !this.remote;
    const receives = direction.endsWith('recv') || direction === 'recvonly';
    if (!receives || this.local) return sends ? 'sendonly' : 'inactive';
    return sends ? 'sendrecv' : 'recvonly';
  }
}
