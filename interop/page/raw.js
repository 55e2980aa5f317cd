// Media without signalling: for calls that a script signals.

import { listen } from './ears.js';

export class Raw {
  connection = new RTCPeerConnection({ iceServers: [] });

  /** Takes an offer, and gives the answer with every candidate. */
  async answer(offer) {
    const { connection } = this;
    listen(connection);
    this.stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    for (const track of this.stream.getTracks()) connection.addTrack(track, this.stream);
    await connection.setRemoteDescription({ type: 'offer', sdp: offer });
    const gathered = new Promise((resolve) => {
      connection.addEventListener('icecandidate', ({ candidate }) => candidate ?? resolve());
    });
    await connection.setLocalDescription();
    await gathered;
    return connection.localDescription.sdp;
  }

  close() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.connection.close();
  }
}
