// For applications that import from JsSIP's file of this name.

import { Grammar } from '../api';

export const { parse } = Grammar;
export default Grammar;
export type { Grammar } from '../values/grammar';
