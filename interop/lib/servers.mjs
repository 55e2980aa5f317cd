// The servers that calls go through, and what is in the page that makes them.

import { startKamailio } from './kamailio.mjs';
import { startExchange } from './offhook.mjs';

/** The name of each server, and what starts it. */
export const SERVERS = [['the exchange', startExchange], ['Kamailio', startKamailio]];

/** Each library in a page, through each server. */
export const PAGES = ['jssip', 'offhook'].flatMap((library) =>
  SERVERS.map(([name, startServer]) => ({ library, name, startServer })),
);
