// The WebAssembly module as text with one letter for each byte, which `carry.mjs` has put behind the
// package. Compressed, it is hardly more than the module itself, as its bytes stay bytes; base64 is
// a quarter more.

export default () => {
  const bytes = new Uint8Array(OFFHOOK_MODULE.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = OFFHOOK_MODULE.charCodeAt(at) - 1;
  return bytes;
};
