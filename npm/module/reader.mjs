// What WebAssembly modules are made of.

/** Reads `bytes` from `at` on, as far as `end`. */
export class Reader {
  constructor(bytes, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  byte() {
    return this.bytes[this.at++];
  }

  number(isSigned = false) {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return isSigned && byte & 0x40 ? value - scale * 0x80 : value;
    }
  }

  numbers(count) {
    for (let left = count; left > 0; left--) this.number();
  }

  skip(count) {
    this.at += count;
  }

  /** The bytes that `read` goes over. */
  over(read) {
    const start = this.at;
    read(this);
    return this.bytes.subarray(start, this.at);
  }

  text() {
    const length = this.number();
    return new TextDecoder().decode(this.over(() => this.skip(length)));
  }

  /** A part of this reader with the length that stands before it; this reader goes on behind. */
  part() {
    const length = this.number();
    this.skip(length);
    return new Reader(this.bytes, this.at - length, this.at);
  }

  get rest() {
    return this.end - this.at;
  }
}
