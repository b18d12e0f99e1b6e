// RDATA in presentation form. A decoder reads fields from a Reader of the RDATA
// and returns tokens: strings, or {text, shown, name} where what is best for
// reading differs from the presentation form.

import { DecodeError, Reader } from "./reader.js";
import { escapeBytes } from "./name.js";
import { svcParams, typeName } from "./registry.js";

const u8 = (r) => String(r.u8("a number"));
const u16 = (r) => String(r.u16("a number"));
const u32 = (r) => String(r.u32("a number"));
const type = (r) => typeName(r.u16("a type"));

function name(r) {
  const n = r.name("a name");
  return { text: n.text, shown: n.unicode, name: true };
}

const dotted = (bytes) => bytes.join(".");
const ip4 = (r) => dotted(r.take(4, "an IPv4 address"));
const ip6 = (r) => ip6Text(r.take(16, "an IPv6 address"));

/** RFC 5952 §4. */
export function ip6Text(bytes) {
  const groups = [];
  for (let i = 0; i < 16; i += 2) groups.push(bytes[i] * 0x100 + bytes[i + 1]);
  if (groups.slice(0, 5).every((g) => g === 0) && groups[5] === 0xffff) return "::ffff:" + dotted(bytes.subarray(12));
  let best = 0, bestLength = 1; // a single 0 is not shortened
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && groups[i + n] === 0) n++;
    if (n > bestLength) [best, bestLength] = [i, n];
  }
  const text = (list) => list.map((g) => g.toString(16)).join(":");
  if (bestLength < 2) return text(groups);
  return text(groups.slice(0, best)) + "::" + text(groups.slice(best + bestLength));
}

/** Upper-case hexadecimal digits. */
export const hexText = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("").toUpperCase();

export function base64Text(bytes) {
  let binary = "";
  for (const b of bytes) binary += String.fromCharCode(b);
  return btoa(binary);
}

// Base 32 with the extended hexadecimal alphabet, RFC 4648 §7, without padding.
function base32Text(bytes) {
  let text = "", bits = 0, held = 0;
  for (const b of bytes) {
    held = (held << 8) | b;
    for (bits += 8; bits >= 5; bits -= 5) text += "0123456789ABCDEFGHIJKLMNOPQRSTUV"[(held >> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  if (bits > 0) text += "0123456789ABCDEFGHIJKLMNOPQRSTUV"[(held << (5 - bits)) & 31];
  return text;
}

const hex = (r) => hexText(r.rest());
const base64 = (r) => base64Text(r.rest());
const salt = (r) => hexText(r.take(r.u8("the salt's length"), "the salt")) || "-";
const hash = (r) => base32Text(r.take(r.u8("the hash's length"), "the hash"));

const quoted = new Set(['"', "\\"].map((c) => c.charCodeAt(0)));
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// Control characters, and those that have no width or turn the direction.
const unreadable = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;

/** Bytes as text if they are readable UTF-8, else null. */
export function readable(bytes) {
  try {
    const text = utf8.decode(bytes);
    return unreadable.test(text) ? null : text;
  } catch {
    return null;
  }
}

function quote(bytes) {
  // Inside quotes a space stands for itself.
  const text = `"${escapeBytes(bytes, quoted).replaceAll("\\032", " ")}"`;
  const read = readable(bytes);
  return read === null ? text : { text, shown: `"${read.replace(/["\\]/g, "\\$&")}"` };
}

const string = (r) => quote(r.string("a character-string"));
// A character-string that is a number is usually written without quotes.
function number(r) {
  const bytes = r.string("a character-string");
  const text = String.fromCharCode(...bytes);
  return /^[-+.0-9]+$/.test(text) ? text : quote(bytes);
}

const quotedRest = (r) => quote(r.rest());

function strings(r) {
  const out = [string(r)];
  while (r.left > 0) out.push(string(r));
  return out;
}

// Seconds since 1970 modulo 2³², RFC 4034 §3.2; right until 2106.
const time = (r) => new Date(r.u32("a time") * 1000).toISOString().slice(0, 19).replace(/[-T:]/g, "");

// The type bit maps of RFC 4034 §4.1.2.
function bitmap(r) {
  const out = [];
  let previous = -1;
  while (r.left > 0) {
    const window = r.u8("a window of the type bit maps");
    const length = r.u8("the length of a type bit map");
    if (window <= previous || length === 0 || length > 32) throw new DecodeError("the type bit maps are malformed", r.at);
    previous = window;
    r.take(length, "a type bit map").forEach((bits, i) => {
      for (let bit = 0; bit < 8; bit++) {
        if (bits & (0x80 >> bit)) out.push(typeName(window * 256 + i * 8 + bit));
      }
    });
  }
  return out;
}

// ILNP's identifiers, RFC 6742.
function id64(r) {
  const digits = hexText(r.take(8, "an identifier")).toLowerCase();
  return digits.match(/.{4}/g).join(":");
}

const eui = (n) => (r) => hexText(r.take(n, "an identifier")).toLowerCase().match(/.{2}/g).join("-");

function caa(r) {
  const flags = u8(r);
  const tag = r.string("the tag");
  if (!/^[A-Za-z0-9]+$/.test(String.fromCharCode(...tag))) throw new DecodeError("the tag is not letters and digits", r.at);
  return [flags, String.fromCharCode(...tag), quotedRest(r)];
}

// RFC 1876 §3.
function loc(r) {
  const version = r.u8("the version");
  if (version !== 0) throw new DecodeError(`version ${version} of LOC is not known`, r.at - 1);
  const size = (what) => {
    const b = r.u8(what);
    const base = b >> 4, exponent = b & 15;
    if (base > 9 || exponent > 9) throw new DecodeError(`${what} is malformed`, r.at - 1);
    return `${centimetres(base * 10 ** exponent)}m`;
  };
  const sizes = [size("the size"), size("the horizontal precision"), size("the vertical precision")];
  const latitude = angle(r.u32("the latitude"), "N", "S", 90, r);
  const longitude = angle(r.u32("the longitude"), "E", "W", 180, r);
  const altitude = centimetres(r.u32("the altitude") - 100000_00, 2);
  return [...latitude, ...longitude, `${altitude}m`, ...sizes];
}

function centimetres(n, digits = n % 100 === 0 ? 0 : 2) {
  return (n / 100).toFixed(digits);
}

function angle(value, positive, negative, most, r) {
  const thousandths = value - 2 ** 31;
  const rest = Math.abs(thousandths);
  if (rest > most * 3600_000) throw new DecodeError("an angle is out of range", r.at - 4);
  const seconds = (rest % 60_000) / 1000;
  return [
    String(Math.floor(rest / 3600_000)),
    String(Math.floor(rest / 60_000) % 60),
    seconds.toFixed(3),
    thousandths >= 0 ? positive : negative,
  ];
}

// RFC 3123 §5.
function apl(r) {
  const out = [];
  while (r.left > 0) {
    const family = r.u16("an address family");
    const prefix = r.u8("a prefix length");
    const length = r.u8("the length of an address");
    const bytes = r.take(length & 0x7f, "an address");
    const size = { 1: 4, 2: 16 }[family];
    if (size === undefined || bytes.length > size || prefix > size * 8) throw new DecodeError("an address prefix is malformed", r.at);
    const whole = new Uint8Array(size);
    whole.set(bytes);
    out.push(`${length & 0x80 ? "!" : ""}${family}:${family === 1 ? dotted(whole) : ip6Text(whole)}/${prefix}`);
  }
  return out;
}

// RFC 9460 §2.
function svcb(r) {
  const out = [u16(r), name(r)];
  let previous = -1;
  while (r.left > 0) {
    const key = r.u16("a SvcParamKey");
    const length = r.u16("the length of a SvcParam");
    if (key <= previous) throw new DecodeError("the SvcParamKeys are not in increasing order", r.at);
    previous = key;
    const value = r.part(length, "a SvcParam");
    const text = (svcValues[svcParams[key]] ?? svcOther)(value);
    if (value.left > 0) throw new DecodeError(`the SvcParam ${svcKey(key)} is malformed`, value.at);
    out.push(text === "" ? svcKey(key) : `${svcKey(key)}=${text}`);
  }
  return out;
}

const svcKey = (key) => svcParams[key] ?? `key${key}`;

const list = (read) => (r) => {
  const out = [read(r)];
  while (r.left > 0) out.push(read(r));
  return out.join(",");
};

const svcOther = (r) => svcText(r.rest());

// A value in RFC 1035's character-string form, quoted where it must be.
function svcText(bytes) {
  const text = escapeBytes(bytes, quoted);
  if (text === "") return "";
  return /[\s;()"\\@$]/.test(text) ? `"${text.replaceAll("\\032", " ")}"` : text;
}

const svcValues = {
  mandatory: list((r) => svcKey(r.u16("a SvcParamKey"))),
  alpn(r) {
    // A list whose items' commas and backslashes are escaped once more, RFC 9460 appendix A.1.
    const ids = [];
    do {
      const id = r.string("an ALPN identifier");
      for (const b of id) {
        if (b === 0x2c || b === 0x5c) ids.push(0x5c);
        ids.push(b);
      }
      if (r.left > 0) ids.push(0x2c);
    } while (r.left > 0);
    return svcText(ids);
  },
  "no-default-alpn": () => "",
  port: u16,
  ipv4hint: list(ip4),
  ech: base64,
  ipv6hint: list(ip6),
  dohpath: svcOther,
  ohttp: () => "",
  "tls-supported-groups": list(u16),
};

// RFC 4025 §3 and RFC 8777 §4.3: a gateway or relay, of a sort told before.
function gateway(sort, r) {
  switch (sort) {
    case 0: return ".";
    case 1: return ip4(r);
    case 2: return ip6(r);
    case 3: return name(r);
  }
  throw new DecodeError(`an address of sort ${sort} is not known`, r.at);
}

function ipseckey(r) {
  const [precedence, sort, algorithm] = [r.u8("the precedence"), r.u8("the gateway's type"), r.u8("the algorithm")];
  const out = [String(precedence), String(sort), String(algorithm), gateway(sort, r)];
  if (r.left > 0) out.push(base64(r));
  return out;
}

function amtrelay(r) {
  const precedence = r.u8("the precedence");
  const b = r.u8("the relay's type");
  return [String(precedence), String(b >> 7), String(b & 0x7f), gateway(b & 0x7f, r)];
}

function hip(r) {
  const tagLength = r.u8("the length of the HIT");
  const algorithm = r.u8("the algorithm");
  const keyLength = r.u16("the length of the key");
  const out = [String(algorithm), hexText(r.take(tagLength, "the HIT")), base64Text(r.take(keyLength, "the key"))];
  while (r.left > 0) out.push(name(r));
  return out;
}

const all = (...fields) => (r) => fields.flatMap((field) => field(r));

const optional = (field) => (r) => (r.left > 0 ? [field(r)] : []);

const dnskey = all(u16, u8, u8, base64);
const ds = all(u16, u8, u8, hex);
const rrsig = all(type, u8, u8, u32, time, time, u16, name, base64);
const preferred = all(u16, name);
const certificate = all(u8, u8, u8, hex);

const decoders = {
  A: all(ip4), AAAA: all(ip6), L32: all(u16, ip4), NID: all(u16, id64), L64: all(u16, id64),
  NS: all(name), MD: all(name), MF: all(name), CNAME: all(name), MB: all(name), MG: all(name), MR: all(name),
  PTR: all(name), DNAME: all(name), "NSAP-PTR": all(name),
  SOA: all(name, name, u32, u32, u32, u32, u32),
  MX: preferred, AFSDB: preferred, RT: preferred, KX: preferred, LP: preferred,
  MINFO: all(name, name), RP: all(name, name), TALINK: all(name, name), PX: all(u16, name, name),
  SRV: all(u16, u16, u16, name),
  NAPTR: all(u16, u16, string, string, string, name),
  TXT: strings, SPF: strings, AVC: strings, NINFO: strings, RESINFO: strings, WALLET: strings,
  HINFO: all(string, string), X25: all(number), ISDN: all(string, optional(string)), GPOS: all(number, number, number),
  LOC: loc, APL: apl, CAA: caa, URI: all(u16, u16, quotedRest),
  DS: ds, CDS: ds, DLV: ds, TA: ds,
  DNSKEY: dnskey, CDNSKEY: dnskey, KEY: dnskey, RKEY: dnskey,
  RRSIG: rrsig, SIG: rrsig,
  NSEC: all(name, bitmap),
  NSEC3: all(u8, u8, u16, salt, hash, bitmap),
  NSEC3PARAM: all(u8, u8, u16, salt),
  CSYNC: all(u32, u16, bitmap), DSYNC: all(type, u8, u16, name),
  ZONEMD: all(u32, u8, u8, hex),
  TLSA: certificate, SMIMEA: certificate, SSHFP: all(u8, u8, hex),
  CERT: all(u16, u16, u8, base64), OPENPGPKEY: all(base64), DHCID: all(base64), HHIT: all(base64), BRID: all(base64),
  IPSECKEY: ipseckey, AMTRELAY: amtrelay, HIP: hip,
  SVCB: svcb, HTTPS: svcb,
  EUI48: all(eui(6)), EUI64: all(eui(8)), UID: all(u32), GID: all(u32),
};

/** RDATA of any type, RFC 3597 §5. */
export const genericText = (bytes) => (bytes.length === 0 ? ["\\#", "0"] : ["\\#", String(bytes.length), hexText(bytes)]);

/**
 * The tokens of the RDATA from `at` to `end` in a message, and what is wrong with
 * it, or null. Malformed RDATA and unknown types come in the generic form.
 */
export function decodeRdata(typeNumber, message, at, end) {
  const bytes = message.subarray(at, end);
  const decoder = decoders[typeName(typeNumber)];
  if (decoder === undefined) return { tokens: genericText(bytes), problem: null };
  const r = new Reader(message, at, end);
  try {
    const tokens = decoder(r).filter((token) => token !== "");
    if (r.left > 0) throw new DecodeError(r.left === 1 ? "1 of its bytes is left over" : `${r.left} of its bytes are left over`, r.at);
    return { tokens, problem: null };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { tokens: genericText(bytes), problem: `the RDATA is not that of ${typeName(typeNumber)}: ${error.message}` };
  }
}
