/** The version of this package; a test holds it to `package.json`. */
export const version = '0.1.0';
export const name = 'Offhook';
/** The version of JsSIP whose interface this is. */
export const jssipVersion = '3.13.8';
