import { startKamailio } from '../lib/kamailio.mjs';
import { describePages } from '../lib/pages.mjs';

describePages('Kamailio', startKamailio, { refreshes: true });
