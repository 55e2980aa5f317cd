import { startExchange } from '../lib/offhook.mjs';
import { describeMatrix } from '../lib/matrix.mjs';

for (const library of ['jssip', 'offhook']) {
  describeMatrix('offhook exchange', startExchange, { library });
}
