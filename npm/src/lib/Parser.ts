// For applications that import from JsSIP's file of this name.

import { parseMessage } from '../api';

export { parseMessage };
export default { parseMessage };
