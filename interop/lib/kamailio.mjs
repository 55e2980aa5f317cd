// Kamailio as registrar and proxy, with a configuration of ours, in a folder of its own.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { remove, temporaryFolder } from './folder.mjs';
import { freePort } from './ports.mjs';
import { Process } from './process.mjs';

const TEMPLATE = new URL('../kamailio/kamailio.cfg.in', import.meta.url);

/**
 * Starts Kamailio for `users`, an object of passwords by user name. The result has `domain`, `ws`,
 * `udp` and `tcp` (URLs), `log` and `stop()`.
 */
export async function startKamailio(users, domain = 'interop.test') {
  let problem;
  // Between asking for a port and using it, somebody else may take it.
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      return await start(users, domain);
    } catch (error) {
      if (!/address already in use/i.test(error.message)) throw error;
      problem = error;
    }
  }
  throw problem;
}

async function start(users, domain) {
  const folder = temporaryFolder('kamailio');
  const [sipPort, wsPort] = [await freePort(), await freePort()];
  const values = {
    DOMAIN: domain,
    SIP_PORT: sipPort,
    WS_PORT: wsPort,
    MODULES: modules(),
    PASSWORDS: Object.entries(users)
      .map(([user, password]) => `\t$sht(passwords=>${user}) = "${password}";`)
      .join('\n'),
  };
  const file = path.join(folder, 'kamailio.cfg');
  const text = readFileSync(TEMPLATE, 'utf8');
  writeFileSync(file, text.replace(/@([A-Z_]+)@/g, (sign, name) => values[name] ?? sign));

  // -DD: stay in the foreground, with the worker processes.
  const server = new Process(
    'kamailio',
    ['-DD', '-E', '-f', file, '-m', '64', '-M', '8', '-Y', folder],
    { name: 'kamailio' },
  );
  const stop = async () => {
    await server.stop();
    remove(folder);
  };
  try {
    await listening(server, wsPort);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    domain,
    ws: `ws://127.0.0.1:${wsPort}`,
    udp: `udp://127.0.0.1:${sipPort}`,
    tcp: `tcp://127.0.0.1:${sipPort}`,
    log: server.lines,
    stop,
  };
}

function modules() {
  const folders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'];
  const found = folders.map((folder) => `${folder}/kamailio/modules/`).find(existsSync);
  if (!found) throw new Error('no kamailio modules: apt-get install kamailio-websocket-modules');
  return found;
}

/** Resolves once `server` accepts connections at `port`. */
async function listening(server, port, patience = 10_000) {
  let ended = false;
  server.exited.then(() => (ended = true));
  const until = Date.now() + patience;
  for (;;) {
    const open = await new Promise((resolve) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (open) return;
    if (ended || Date.now() > until) {
      throw new Error(`kamailio did not start:\n${server.lines.dump()}`);
    }
    await delay(50);
  }
}
