// `ua.contact`: the address that requests name as their origin.

import { Query } from './engine/commands';
import type { Driver } from './driver';
import type { UAContact } from './ua_types';
import type { URI } from './values/uri';

/** What JsSIP has where there is nothing. */
const NONE = null as unknown as undefined;

export function contactOf(uri: URI, driver: () => Driver): UAContact {
  const known = (at: 0 | 1 | 2 | 3 | 4 | 5) => driver().query(Query.Contacts)?.[at];
  return {
    get pub_gruu() {
      return known(0) ?? NONE;
    },
    get temp_gruu() {
      return known(1) ?? NONE;
    },
    uri,
    toString({ anonymous, outbound } = {}) {
      const [usual, hidden] = outbound ? ([4, 5] as const) : ([2, 3] as const);
      return `<${known(anonymous ? hidden : usual)}>`;
    },
  };
}
