// Domain names: wire format, A-labels, U-labels.

/** What is wrong with a name that was typed. */
export class NameError extends Error {}

const maxLabelBytes = 63;
const maxNameBytes = 255;

const hyphens = "xn--";
const special = new Set([...'.\\"();@$'].map((c) => c.charCodeAt(0)));

/** Bytes in presentation form; those in `escaped` get a backslash, RFC 1035 §5.1. */
export function escapeBytes(bytes, escaped) {
  let text = "";
  for (const b of bytes) {
    if (escaped.has(b)) text += "\\" + String.fromCharCode(b);
    else if (b <= 0x20 || b > 0x7e) text += "\\" + String(b).padStart(3, "0");
    else text += String.fromCharCode(b);
  }
  return text;
}

/** A domain name: its labels without the root, each of them bytes. */
export class Name {
  constructor(labels) {
    this.labels = labels;
  }

  /** Presentation form with A-labels as they are, absolute. */
  get text() {
    return this.join((label) => escapeBytes(label, special));
  }

  /** Presentation form with U-labels where A-labels stand for valid ones. */
  get unicode() {
    return this.join((label) => {
      const text = escapeBytes(label, special);
      return unicodeLabel(text) ?? text;
    });
  }

  join(form) {
    return this.labels.length === 0 ? "." : this.labels.map((label) => form(label) + ".").join("");
  }

  /** Wire format, without compression. */
  get wire() {
    const wire = [];
    for (const label of this.labels) wire.push(label.length, ...label);
    wire.push(0);
    return Uint8Array.from(wire);
  }
}

/**
 * A name as people type it: with A-labels or U-labels, with or without the final
 * dot, with escapes (\. and \DDD); "." is the root. Throws NameError.
 */
export function parseName(text) {
  text = text.trim();
  if (text === "") throw new NameError("Type a name; “.” is the root.");
  // What an input method gives for a dot (RFC 5895 §2, UTS #46).
  const labels = splitLabels(text.replace(/[\u3002\uff0e\uff61]/g, "."));
  let bytes = 1;
  for (const label of labels) bytes += 1 + label.length;
  if (bytes > maxNameBytes) throw new NameError(`The name has ${bytes} bytes; ${maxNameBytes} are the most.`);
  return new Name(labels);
}

function splitLabels(text) {
  if (text === ".") return [];
  const labels = [];
  const characters = [...text];
  let i = 0;
  while (i < characters.length) {
    const bytes = [];
    let unicode = "";
    let escaped = false;
    let ascii = true;
    for (; i < characters.length && characters[i] !== "."; i++) {
      let c = characters[i];
      if (c === "\\") {
        const [value, width] = unescape(characters, i + 1);
        bytes.push(value);
        unicode += String.fromCharCode(value);
        escaped = true;
        i += width;
        continue;
      }
      if (/[\s\p{Cc}]/u.test(c)) throw new NameError("A space or control character in a name is written as \\032, by its decimal number.");
      if (c.codePointAt(0) > 0x7f) ascii = false;
      bytes.push(c.codePointAt(0));
      unicode += c;
    }
    i++; // the dot
    if (bytes.length === 0) throw new NameError("The name has an empty label: two dots in a row, or one at the start.");
    labels.push(ascii ? Uint8Array.from(bytes) : unicodeLabelBytes(unicode, escaped));
    const last = labels.at(-1);
    if (last.length > maxLabelBytes) throw new NameError(`The label “${unicode}” has ${last.length} bytes; ${maxLabelBytes} are the most.`);
  }
  return labels;
}

// unescape reads what follows a backslash: three digits, or any one character.
function unescape(characters, i) {
  const c = characters[i];
  if (c === undefined) throw new NameError("A backslash ends the name.");
  if (!/[0-9]/.test(c)) {
    if (c.codePointAt(0) > 0x7f) throw new NameError(`“\\${c}”: only ASCII characters can be escaped.`);
    return [c.codePointAt(0), 1];
  }
  const digits = characters.slice(i, i + 3).join("");
  if (!/^[0-9]{3}$/.test(digits) || Number(digits) > 255) {
    throw new NameError(`“\\${digits}”: a backslash is followed by three digits up to 255, or by one other character.`);
  }
  return [Number(digits), 3];
}

function unicodeLabelBytes(label, escaped) {
  const a = escaped ? null : asciiLabel(label);
  if (a === null) throw new NameError(`“${label}” is not a valid U-label.`);
  return Uint8Array.from(a, (c) => c.charCodeAt(0));
}

// asciiLabel converts one label by the browser's own IDNA, that of its URL parser
// (UTS #46). The label behind it keeps "１２７" from being read as an IPv4 address.
function asciiLabel(label) {
  if (/[\u0000-\u0020\u007f#%/:<>?@[\\\]^|]/.test(label)) return null; // it would end the host, or be dropped or decoded
  let host;
  try {
    host = new URL(`http://${label}.x/`).hostname;
  } catch {
    return null;
  }
  const a = host.slice(0, -2);
  return host.endsWith(".x") && a !== "" && !a.includes(".") ? a : null;
}

const known = new Map();
const knownLimit = 4096;

/** The U-label of an A-label; null if it is none, or not a valid one. */
export function unicodeLabel(label) {
  if (label.length <= hyphens.length || label.slice(0, hyphens.length).toLowerCase() !== hyphens) return null;
  const a = label.toLowerCase();
  let u = known.get(a);
  if (u === undefined) {
    u = decodePunycode(a.slice(hyphens.length));
    // Only what converts back is what it seems: this also rules out characters
    // that turn a line round, and A-labels of plain ASCII.
    if (u !== null && (u === a || asciiLabel(u) !== a)) u = null;
    if (known.size >= knownLimit) known.clear();
    known.set(a, u);
  }
  return u;
}

/** RFC 3492 §6.2; null if text is no Punycode. */
export function decodePunycode(text) {
  const base = 36, tMin = 1, tMax = 26, skew = 38, damp = 700;
  if (!/^[\x21-\x7e]*$/.test(text)) return null;
  const basic = text.lastIndexOf("-");
  const out = basic > 0 ? [...text.slice(0, basic)].map((c) => c.codePointAt(0)) : [];
  let n = 128, i = 0, bias = 72;
  let at = basic > 0 ? basic + 1 : 0;
  if (at === text.length) return null; // nothing is encoded
  while (at < text.length) {
    const before = i;
    for (let weight = 1, k = base; ; k += base) {
      if (at >= text.length) return null;
      const digit = "abcdefghijklmnopqrstuvwxyz0123456789".indexOf(text[at++].toLowerCase());
      if (digit < 0) return null;
      i += digit * weight;
      if (i > 0x7fffffff) return null;
      const t = Math.min(Math.max(k - bias, tMin), tMax);
      if (digit < t) break;
      weight *= base - t;
    }
    const length = out.length + 1;
    let delta = before === 0 ? Math.floor((i - before) / damp) : Math.floor((i - before) / 2);
    delta += Math.floor(delta / length);
    let k = 0;
    for (; delta > Math.floor(((base - tMin) * tMax) / 2); k += base) delta = Math.floor(delta / (base - tMin));
    bias = k + Math.floor(((base - tMin + 1) * delta) / (delta + skew));
    n += Math.floor(i / length);
    i %= length;
    if (n > 0x10ffff || (n >= 0xd800 && n <= 0xdfff)) return null;
    out.splice(i++, 0, n);
  }
  return String.fromCodePoint(...out);
}
