// What `import JsSIP, { UA } from 'offhook'` gives: the names, and an object that has them all. It
// is a plain one, as JsSIP's is: applications and their tests put things of their own into it.

import * as api from './api';

export * from './api';
export default { ...api };
