// Ports that nobody uses right now.

import dgram from 'node:dgram';
import net from 'node:net';
import { once } from 'node:events';

/** A port of 127.0.0.1 that is free for TCP and UDP. It may be taken again a moment later. */
export async function freePort() {
  for (;;) {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    const socket = dgram.createSocket('udp4');
    const free = await new Promise((resolve) => {
      socket.once('error', () => resolve(false));
      socket.bind(port, '127.0.0.1', () => resolve(true));
    });
    if (free) await new Promise((resolve) => socket.close(resolve));
    server.close();
    await once(server, 'close');
    if (free) return port;
  }
}
