// EDNS options, RFC 6891 §6.1.2.

import { DecodeError, Reader } from "./reader.js";
import { hexText, ip6Text, readable } from "./rdata.js";
import { extendedErrors, options as names } from "./registry.js";

const NSID = 3, PADDING = 12, ZONEVERSION = 19;
const paddingBlock = 128; // of queries, RFC 8467 §4.1

/** The options of an OPT record's RDATA: [{code, name, text}], and what is wrong or null. */
export function decodeOptions(rdata) {
  const options = [];
  const r = new Reader(rdata);
  try {
    while (r.left > 0) {
      const code = r.u16("an option's code");
      const data = r.part(r.u16("an option's length"), "an option");
      options.push({ code, name: names.get(code) ?? `OPTION${code}`, text: optionText(code, data) });
    }
    return { options, problem: null };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { options, problem: `the EDNS options are malformed: ${error.message}` };
  }
}

function optionText(code, data) {
  const all = data.bytes.subarray(data.at, data.end);
  const decode = decoders[names.get(code)];
  if (decode === undefined) return generic(all);
  try {
    const text = decode(data);
    if (data.left > 0) throw new DecodeError("bytes are left over", data.at);
    return text;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return `${generic(all)} (malformed)`;
  }
}

const generic = (bytes) => (bytes.length === 0 ? "empty" : hexText(bytes));

const decoders = {
  NSID(r) {
    const bytes = r.rest();
    const text = readable(bytes);
    return text === null || text === "" ? generic(bytes) : `“${text}”`;
  },
  EDE(r) {
    const code = r.u16("the code");
    const bytes = r.rest();
    const text = readable(bytes) ?? generic(bytes);
    return `${code} ${extendedErrors[code] ?? "(unknown code)"}${bytes.length > 0 ? `: “${text}”` : ""}`;
  },
  PADDING: (r) => `${r.rest().length} bytes`,
  // RFC 7828 §3.1
  KEEPALIVE: (r) => (r.left === 0 ? "asked for" : `${r.u16("the time-out") / 10} s`),
  // RFC 9660 §2
  ZONEVERSION(r) {
    if (r.left === 0) return "asked for";
    const labels = r.u8("the number of labels");
    const type = r.u8("the type");
    if (type === 0 && r.left === 4) return `SOA serial ${r.u32("the serial")} of the zone with ${labels} label${labels === 1 ? "" : "s"}`;
    return `type ${type}, zone with ${labels} labels, ${generic(r.rest())}`;
  },
  // RFC 7871 §6
  ECS(r) {
    const family = r.u16("the family"), source = r.u8("the source's prefix length"), scope = r.u8("the scope's prefix length");
    const bytes = r.rest();
    const whole = new Uint8Array(family === 1 ? 4 : 16);
    if ((family !== 1 && family !== 2) || bytes.length > whole.length) throw new DecodeError("unknown family", 0);
    whole.set(bytes);
    return `${family === 1 ? whole.join(".") : ip6Text(whole)}/${source}, scope ${scope}`;
  },
  // RFC 9567 §6.1
  "REPORT-CHANNEL": (r) => r.name("the agent domain").unicode,
  // RFC 7314 §3
  EXPIRE: (r) => (r.left === 0 ? "asked for" : `${r.u32("the time")} s`),
};

/** The options that a query asks with; `before` is how many bytes come before them. */
export function encodeOptions(edns, before) {
  const out = [];
  const add = (code, data) => out.push(code >> 8, code & 0xff, data.length >> 8, data.length & 0xff, ...data);
  if (edns.nsid) add(NSID, []);
  if (edns.zoneVersion) add(ZONEVERSION, []);
  if (edns.padding) {
    const size = before + out.length + 4;
    add(PADDING, new Array((paddingBlock - (size % paddingBlock)) % paddingBlock).fill(0));
  }
  return out;
}
