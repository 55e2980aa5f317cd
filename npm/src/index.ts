// What `import JsSIP, { UA } from 'offhook'` names: as with JsSIP, `JsSIP.UA` may stand for the
// class and for its type. `entry.ts` is what runs.

export * from './api';
export * as default from './api';
