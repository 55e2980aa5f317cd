// MD5 (RFC 1321), which no browser has, for `Utils.calculateMD5`: applications make `ha1` with it.

const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const SINES = Array.from({ length: 64 }, (_, n) => (Math.abs(Math.sin(n + 1)) * 2 ** 32) | 0);

/** In hexadecimal. */
export function md5(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const blocks = new Uint8Array((((bytes.length + 8) >> 6) + 1) << 6);
  blocks.set(bytes);
  blocks[bytes.length] = 0x80;
  const view = new DataView(blocks.buffer);
  view.setUint32(blocks.length - 8, bytes.length << 3, true);
  view.setUint32(blocks.length - 4, bytes.length >>> 29, true);

  const sum = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476];
  for (let start = 0; start < blocks.length; start += 64) {
    let [a, b, c, d] = sum as [number, number, number, number];
    for (let step = 0; step < 64; step += 1) {
      const round = step >> 4;
      const mixed = [(b & c) | (~b & d), (b & d) | (c & ~d), b ^ c ^ d, c ^ (b | ~d)][round] ?? 0;
      const word = ([1, 5, 3, 7][round] ?? 0) * step + ([0, 1, 5, 0][round] ?? 0);
      const added = a + mixed + (SINES[step] ?? 0) + view.getInt32(start + ((word & 15) << 2), true);
      const shift = SHIFTS[(round << 2) | (step & 3)] ?? 0;
      [a, d, c, b] = [d, c, b, (b + ((added << shift) | ((added | 0) >>> (32 - shift)))) | 0];
    }
    [a, b, c, d].forEach((value, n) => (sum[n] = ((sum[n] ?? 0) + value) | 0));
  }
  sum.forEach((value, n) => view.setInt32(n << 2, value, true));
  return Array.from(blocks.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
