// `ua.contact`: the address that requests name as their origin.

import type { Engine } from './engine/engine';
import type { UAContact } from './ua_types';
import type { URI } from './values/uri';

/** What JsSIP has where there is nothing. */
const NONE = null as unknown as undefined;

export function contactOf(uri: URI, engine: () => Engine): UAContact {
  return {
    get pub_gruu() {
      return engine().publicGruu() ?? NONE;
    },
    get temp_gruu() {
      return engine().temporaryGruu() ?? NONE;
    },
    uri,
    toString({ anonymous, outbound } = {}) {
      return `<${engine().contact(Boolean(anonymous), Boolean(outbound))}>`;
    },
  };
}
