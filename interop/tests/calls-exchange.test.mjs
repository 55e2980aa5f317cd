import { describeCalls } from '../lib/calls.mjs';
import { startExchange } from '../lib/offhook.mjs';

for (const library of ['jssip', 'offhook']) describeCalls('offhook exchange', startExchange, { library });
