// The WebAssembly module in base64: for scripts that a page may read in any character set.

import text from 'offhook-web/file';

export default () => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
