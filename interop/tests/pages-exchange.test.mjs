import { startExchange } from '../lib/offhook.mjs';
import { describePages } from '../lib/pages.mjs';

describePages('offhook exchange', startExchange);
