import { describeMatrix } from '../lib/matrix.mjs';
import { startExchange } from '../lib/offhook.mjs';

describeMatrix('offhook exchange', startExchange);
