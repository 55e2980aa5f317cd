import { startKamailio } from '../lib/kamailio.mjs';
import { describeMatrix } from '../lib/matrix.mjs';

describeMatrix('Kamailio', startKamailio, { refreshes: true });
