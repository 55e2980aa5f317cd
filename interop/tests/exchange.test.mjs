import { describeCalls } from '../lib/calls.mjs';
import { startExchange } from '../lib/offhook.mjs';

describeCalls('offhook exchange', startExchange);
