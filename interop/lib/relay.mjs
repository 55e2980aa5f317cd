// A way through which a page reaches its server, and which can be cut.

import { once } from 'node:events';
import net from 'node:net';

/** Starts a relay to a `ws:` URL. The result has `ws`, `cut()`, `mend()` and `stop()`. */
export async function startRelay(ws) {
  const { hostname, port, pathname } = new URL(ws);
  const pairs = new Set();
  let whole = true;
  const server = net.createServer((client) => {
    if (!whole) return client.destroy();
    const upstream = net.connect(port, hostname);
    const pair = [client, upstream];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    client.pipe(upstream).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  /** Breaks what stands, and lets nothing through until it is mended. */
  const cut = () => {
    whole = false;
    for (const pair of [...pairs]) for (const socket of pair) socket.resetAndDestroy();
  };
  return {
    ws: `ws://127.0.0.1:${server.address().port}${pathname}`,
    cut,
    mend: () => (whole = true),
    stop: () => {
      cut();
      server.close();
    },
  };
}
