// Reading bytes from outside: every read is checked, every error says where.

import { Name } from "./name.js";

/** What is wrong with a message, in words for the person who looks at it. */
export class DecodeError extends Error {
  constructor(text, offset) {
    super(text);
    this.offset = offset;
  }
}

const maxNameBytes = 255; // RFC 1035 §3.1
const maxPointers = 127; // as many as a name can have labels

const plural = (n, unit) => `${n} ${unit}${n === 1 ? "" : "s"}`;

/** Reads `bytes` from `at` to `end`. Names may point to bytes before `at`. */
export class Reader {
  constructor(bytes, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get left() {
    return this.end - this.at;
  }

  need(n, what) {
    if (n > this.left) {
      throw new DecodeError(`cut short: ${what} needs ${plural(n, "byte")}, but ${this.left === 1 ? "1 is" : `${this.left} are`} left`, this.at);
    }
  }

  u8(what) {
    this.need(1, what);
    return this.bytes[this.at++];
  }

  u16(what) {
    return this.u8(what) * 0x100 + this.u8(what);
  }

  u32(what) {
    return this.u16(what) * 0x10000 + this.u16(what);
  }

  take(n, what) {
    this.need(n, what);
    this.at += n;
    return this.bytes.subarray(this.at - n, this.at);
  }

  rest() {
    return this.take(this.left, "the rest");
  }

  /** A reader of the next n bytes, which are skipped here. */
  part(n, what) {
    this.need(n, what);
    this.at += n;
    return new Reader(this.bytes, this.at - n, this.at);
  }

  /**
   * A name, RFC 1035 §4.1.4. A pointer must lead to before the labels that it
   * ends, so there are no loops.
   */
  name(what) {
    const labels = [];
    let bytes = 1;
    let pointers = 0;
    let at = this.at;
    let start = at; // of the labels being read
    let end = this.end;
    let after = -1; // where reading goes on, once a pointer was followed
    for (;;) {
      if (at >= end) throw new DecodeError(`cut short: ${what} doesn't end`, at);
      const length = this.bytes[at];
      if (length >= 0xc0) {
        if (at + 1 >= end) throw new DecodeError(`cut short: ${what} ends within a compression pointer`, at);
        const target = (length & 0x3f) * 0x100 + this.bytes[at + 1];
        if (after < 0) after = at + 2;
        if (target >= start) throw new DecodeError(`${what} has a compression pointer to byte ${target}, which is not before it`, at);
        if (++pointers > maxPointers) throw new DecodeError(`${what} has more than ${maxPointers} compression pointers`, at);
        end = start; // what a pointer leads to ends before what it comes from
        at = start = target;
      } else if (length >= 0x40) {
        throw new DecodeError(`${what} has a label of an unknown sort (0x${length.toString(16)})`, at);
      } else if (length === 0) {
        this.at = after < 0 ? at + 1 : after;
        return new Name(labels);
      } else {
        if (at + 1 + length > end) throw new DecodeError(`cut short: ${what} ends within a label of ${plural(length, "byte")}`, at);
        bytes += 1 + length;
        if (bytes > maxNameBytes) throw new DecodeError(`${what} is longer than ${maxNameBytes} bytes`, at);
        labels.push(this.bytes.subarray(at + 1, at + 1 + length));
        at += 1 + length;
      }
    }
  }

  /** A character-string, RFC 1035 §3.3. */
  string(what) {
    return this.take(this.u8(what), what);
  }
}
