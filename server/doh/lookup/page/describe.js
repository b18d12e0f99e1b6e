// What an answer means, in words.

import { hexText } from "./rdata.js";
import { algorithms, digests, rcodes, rcodeName, typeName } from "./registry.js";

/** Seconds as people say them: "1 d", "1 h 30 min", "59 s", with spaces that don't break. */
export function duration(seconds) {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const out = [];
  for (const [unit, size] of units) {
    const n = Math.floor(seconds / size);
    seconds %= size;
    if (n > 0) out.push(`${n}\u00a0${unit}`);
  }
  return out.slice(0, 2).join("\u00a0") || "0\u00a0s";
}

const count = (n, thing) => `${n} ${thing}${n === 1 ? "" : "s"}`;

const types = { NS: 2, CNAME: 5, SOA: 6, DNAME: 39, DS: 43, RRSIG: 46, NSEC: 47, NSEC3: 50 };

/**
 * The sort of answer, RFC 9499 §2 and RFC 2308 §2:
 * {kind: "answer" | "nodata" | "nxdomain" | "referral" | "error" | "broken", title, text}.
 */
export function summary(m) {
  if (m.header === null) return { kind: "broken", title: "Unreadable", text: m.problem.text };
  const [name, meaning] = rcodes.get(m.rcode) ?? [rcodeName(m.rcode), "an RCODE that is not known here"];
  if (m.problem) return { kind: "broken", title: name, text: "The answer is damaged; below is what could be read of it." };
  const result = (kind, title, text) => ({ kind, title, text });

  const answers = m.answer.filter((r) => r.type !== types.RRSIG).length;
  const has = (type) => m.authority.some((r) => r.type === type);
  const aliases = m.answer.filter((r) => r.type === types.CNAME || r.type === types.DNAME).length;
  const asked = m.question[0]?.type;
  const followed = aliases > 0 && asked !== types.CNAME && asked !== types.DNAME && asked !== 255;
  const proof = has(types.NSEC) || has(types.NSEC3) ? " The records of the authority section prove it." : "";
  if (m.rcode === 3) {
    return result("nxdomain", name, `${followed ? "The name is an alias of one that does not exist." : "The name does not exist."}${proof}`);
  }
  if (m.rcode !== 0) return result("error", name, `${meaning[0].toUpperCase()}${meaning.slice(1)}.`);
  if (m.header.tc) return result("broken", name, "Truncated: the answer didn't fit.");
  const referral = has(types.NS) && !has(types.SOA) && !m.header.aa;
  if (answers === 0 && referral) {
    const secure = has(types.DS) ? "with DS: the delegation is signed" : "without DS";
    return result("referral", name, `Referral: other servers know more (${secure}).`);
  }
  if (answers === 0) return result("nodata", name, `NODATA: the name exists, but has no ${asked === undefined ? "such" : typeName(asked)} records.${proof}`);
  if (followed && aliases === answers) return result("answer", name, `${count(aliases, "alias record")}, which ${aliases === 1 ? "leads" : "lead"} to a name without such data here.`);
  const signed = m.answer.some((r) => r.type === types.RRSIG) ? ", signed" : "";
  return result("answer", name, `${m.header.aa ? "Authoritative answer" : "Answer"}: ${count(answers, "record")}${signed}.`);
}

/** The header's flags, in the order of their bits. */
export const flags = [
  ["qr", "QR", "this is a response"],
  ["aa", "AA", "authoritative answer"],
  ["tc", "TC", "truncated"],
  ["rd", "RD", "recursion desired"],
  ["ra", "RA", "recursion available"],
  ["z", "Z", "reserved bit, should be clear"],
  ["ad", "AD", "authentic data"],
  ["cd", "CD", "checking disabled"],
];

/** RFC 4034 appendix B. */
export function keyTag(rdata) {
  if (rdata[3] === 1) return rdata[rdata.length - 3] * 256 + rdata[rdata.length - 2];
  let sum = 0;
  rdata.forEach((b, i) => { sum += i % 2 === 0 ? b * 256 : b; });
  return (sum + Math.floor(sum / 0x10000)) % 0x10000;
}

const algorithm = (n) => algorithms.get(n) ?? `algorithm ${n}`;
const u16 = (b, at) => b[at] * 256 + b[at + 1];
const u32 = (b, at) => u16(b, at) * 65536 + u16(b, at + 2);
const date = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");

const notes = {
  SOA(r) {
    const b = r.rdata.subarray(r.rdata.length - 20);
    return `serial ${u32(b, 0)} · refresh ${duration(u32(b, 4))} · retry ${duration(u32(b, 8))} · expire ${duration(u32(b, 12))} · negative TTL ${duration(Math.min(u32(b, 16), r.ttl))}`;
  },
  DNSKEY(r) {
    const bits = u16(r.rdata, 0);
    const role = !(bits & 0x100) ? "no zone key" : bits & 1 ? "KSK or CSK (SEP)" : "ZSK";
    return `${role}${bits & 0x80 ? ", revoked" : ""} · ${algorithm(r.rdata[3])} · key tag ${keyTag(r.rdata)}`;
  },
  DS: (r) => `key tag ${u16(r.rdata, 0)} · ${algorithm(r.rdata[2])} · ${digests.get(r.rdata[3]) ?? `digest ${r.rdata[3]}`}`,
  RRSIG(r, now) {
    const [expire, begin] = [u32(r.rdata, 8), u32(r.rdata, 12)];
    const when = now < begin ? "not yet valid" : now > expire ? "expired" : `valid for ${duration(expire - now)}`;
    return `covers ${typeName(u16(r.rdata, 0))} · ${algorithm(r.rdata[2])} · ${date(begin)} to ${date(expire)} UTC: ${when}`;
  },
  NSEC3: (r) => `${r.rdata[1] & 1 ? "opt-out" : "no opt-out"} · ${count(u16(r.rdata, 2), "extra iteration")} · ${r.rdata[4] ? `salt ${hexText(r.rdata.subarray(5, 5 + r.rdata[4]))}` : "no salt"}`,
  SVCB: (r) => (u16(r.rdata, 0) === 0 ? "alias mode" : `service mode, priority ${u16(r.rdata, 0)}`),
};
notes.CDNSKEY = notes.DNSKEY;
notes.CDS = notes.DS;
notes.HTTPS = notes.SVCB;
notes.NSEC3PARAM = (r) => notes.NSEC3(r).split(" · ").slice(1).join(" · ");

/** What the numbers in a record's RDATA mean; "" where they speak for themselves. now: seconds since 1970. */
export function note(record, now) {
  if (record.problem) return record.problem;
  return notes[typeName(record.type)]?.(record, now) ?? "";
}
