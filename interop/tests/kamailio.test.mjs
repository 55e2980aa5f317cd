import { describeCalls } from '../lib/calls.mjs';
import { startKamailio } from '../lib/kamailio.mjs';

describeCalls('Kamailio', startKamailio);
