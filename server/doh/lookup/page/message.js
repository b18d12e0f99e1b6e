// DNS messages: decoding answers, building queries.

import { DecodeError, Reader } from "./reader.js";
import { decodeRdata } from "./rdata.js";
import { decodeOptions, encodeOptions } from "./edns.js";

const typeOPT = 41;
const headerBytes = 12;

export const sections = ["question", "answer", "authority", "additional"];

/**
 * A message as an object. What is wrong with it is in `problem` ({text, offset}),
 * beside all that could be read before; this never throws and always ends.
 */
export function decodeMessage(bytes) {
  const m = {
    bytes, header: null, rcode: 0, question: [], answer: [], authority: [], additional: [],
    opt: null, // the OPT record, which is not in additional
    regions: [], // [start, end, section] of the bytes that were read
    problem: null,
  };
  const r = new Reader(bytes);
  try {
    m.header = readHeader(r);
    m.rcode = m.header.rcode;
    m.regions.push([0, headerBytes, "header"]);
    for (const section of sections) {
      for (let i = 0; i < m.header.counts[section]; i++) {
        const start = r.at;
        const what = `${section === "question" ? "question" : `${section} record`} ${i + 1}`;
        const record = within(what, () => (section === "question" ? readQuestion(r) : readRecord(r)));
        record.start = start;
        record.end = r.at;
        if (section === "additional" && record.type === typeOPT && m.opt === null) {
          m.opt = optRecord(record);
          m.rcode = m.opt.rcodeHigh * 16 + m.header.rcode;
          m.regions.push([start, r.at, "edns"]);
        } else {
          m[section].push(record);
          m.regions.push([start, r.at, section]);
        }
      }
    }
    if (r.left > 0) throw new DecodeError(r.left === 1 ? "1 byte follows the end of the message" : `${r.left} bytes follow the end of the message`, r.at);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    m.problem = { text: error.message, offset: error.offset };
  }
  return m;
}

function within(what, read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) error.message = `${what}: ${error.message}`;
    throw error;
  }
}

function readHeader(r) {
  if (r.left < headerBytes) throw new DecodeError(`a message has at least ${headerBytes} bytes; this has ${r.left}`, 0);
  const id = r.u16("the ID");
  const flags = r.u16("the flags");
  const bit = (n) => (flags >> n) % 2 === 1;
  const counts = Object.fromEntries(sections.map((section) => [section, r.u16("a count")]));
  return {
    id, counts, opcode: (flags >> 11) & 15, rcode: flags & 15,
    qr: bit(15), aa: bit(10), tc: bit(9), rd: bit(8), ra: bit(7), z: bit(6), ad: bit(5), cd: bit(4),
  };
}

function readQuestion(r) {
  return { name: r.name("the name"), type: r.u16("the type"), class: r.u16("the class") };
}

function readRecord(r) {
  const record = { name: r.name("the owner"), type: r.u16("the type"), class: r.u16("the class"), ttl: r.u32("the TTL") };
  const length = r.u16("the length of the RDATA");
  const start = r.at;
  r.take(length, "the RDATA");
  record.rdata = r.bytes.subarray(start, r.at);
  const { tokens, problem } = decodeRdata(record.type, r.bytes, start, r.at);
  record.tokens = tokens;
  record.problem = problem;
  return record;
}

// RFC 6891 §6.1.3.
function optRecord(record) {
  const { options, problem } = decodeOptions(record.rdata);
  return {
    start: record.start, end: record.end,
    name: record.name,
    udpBytes: record.class,
    rcodeHigh: Math.floor(record.ttl / 2 ** 24),
    version: Math.floor(record.ttl / 2 ** 16) % 256,
    do: Math.floor(record.ttl / 2 ** 15) % 2 === 1,
    co: Math.floor(record.ttl / 2 ** 14) % 2 === 1, // RFC 9824 §5.1: compact answers are fine
    z: record.ttl % 2 ** 14,
    options, problem,
  };
}

/**
 * The wire format of a query.
 * q: {name: Name, type, class, rd, cd, edns: null or {do, nsid, zoneVersion, padding}}.
 * The ID is 0, so that caches see equal queries as equal (RFC 8484 §4.1).
 */
export function encodeQuery(q) {
  const u16 = (n) => [n >> 8, n & 0xff];
  const out = [
    ...u16(0), q.rd ? 1 : 0, q.cd ? 0x10 : 0, ...u16(1), ...u16(0), ...u16(0), ...u16(q.edns ? 1 : 0),
    ...q.name.wire, ...u16(q.type), ...u16(q.class),
  ];
  if (q.edns) {
    const head = [0, ...u16(typeOPT), ...u16(1232), 0, 0, q.edns.do ? 0x80 : 0, 0];
    const options = encodeOptions(q.edns, out.length + head.length + 2);
    out.push(...head, ...u16(options.length), ...options);
  }
  return Uint8Array.from(out);
}
