import { describeCalls } from '../lib/calls.mjs';
import { startKamailio } from '../lib/kamailio.mjs';

for (const library of ['jssip', 'offhook']) describeCalls('Kamailio', startKamailio, { library });
