// For applications that import from JsSIP's file of this name.

import { Utils } from '../api';

export const {
  calculateMD5,
  cloneArray,
  cloneObject,
  closeMediaStream,
  createRandomToken,
  escapeUser,
  getRandomTestNetIP,
  hasMethods,
  headerize,
  hostType,
  isDecimal,
  isEmpty,
  isFunction,
  isString,
  newTag,
  newUUID,
  normalizeTarget,
  sipErrorCause,
  str_utf8_length,
} = Utils;
export default Utils;
