import { startKamailio } from '../lib/kamailio.mjs';
import { describeMatrix } from '../lib/matrix.mjs';

for (const library of ['jssip', 'offhook']) {
  describeMatrix('Kamailio', startKamailio, { refreshes: true, library });
}
