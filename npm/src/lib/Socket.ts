// For applications that import from JsSIP's file of this name, most of them its types.

import { isSocket } from '../api';

export { isSocket };
export default { isSocket };
export type { Socket, WeightedSocket } from '../socket';
