// An answer, its bytes and the commands that ask the same, as plain text.

import { base64Text } from "./rdata.js";
import { className, opcodeName, rcodeName, typeName } from "./registry.js";
import { flags } from "./describe.js";

/** A record's RDATA in presentation form. */
export const rdataText = (record) => record.tokens.map((token) => token.text ?? token).join(" ");

/** A record as a line of a master file. */
export const recordText = (record) => `${record.name.text}\t${record.ttl}\t${className(record.class)}\t${typeName(record.type)}\t${rdataText(record)}`;

/** A whole message, in the manner of dig. */
export function messageText(m) {
  if (m.header === null) return `;; ${m.problem.text}\n`;
  const h = m.header;
  const lines = [
    `;; ->>HEADER<<- opcode: ${opcodeName(h.opcode)}, status: ${rcodeName(m.rcode)}, id: ${h.id}`,
    `;; flags: ${flags.filter(([key]) => h[key]).map(([key]) => key).join(" ")}; ${Object.entries(h.counts).map(([section, n]) => `${section.toUpperCase()}: ${n}`).join(", ")}`,
  ];
  if (m.opt) {
    lines.push("", ";; OPT PSEUDOSECTION:", `; EDNS: version: ${m.opt.version}, flags:${m.opt.do ? " do" : ""}; udp: ${m.opt.udpBytes}`);
    for (const option of m.opt.options) lines.push(`; ${option.name}: ${option.text}`);
  }
  if (m.question.length > 0) lines.push("", ";; QUESTION SECTION:");
  for (const q of m.question) lines.push(`;${q.name.text}\t\t${className(q.class)}\t${typeName(q.type)}`);
  for (const section of ["answer", "authority", "additional"]) {
    if (m[section].length > 0) lines.push("", `;; ${section.toUpperCase()} SECTION:`, ...m[section].map(recordText));
  }
  if (m.problem) lines.push("", `;; DAMAGED at byte ${m.problem.offset}: ${m.problem.text}`);
  return lines.join("\n") + "\n";
}

/** Bytes as {offset, cells: [hex], ascii} a row. */
export function hexRows(bytes, width) {
  const rows = [];
  for (let at = 0; at < bytes.length; at += width) {
    const row = Array.from(bytes.subarray(at, at + width));
    rows.push({
      offset: at,
      cells: row.map((b) => b.toString(16).padStart(2, "0")),
      ascii: row.map((b) => (b > 0x20 && b < 0x7f ? String.fromCharCode(b) : "·")).join(""),
    });
  }
  return rows;
}

export function base64url(bytes) {
  return base64Text(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** One argument for a POSIX shell. */
export function shellQuote(text) {
  return /^[A-Za-z0-9_.,:/=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * Commands that ask the same: [{tool, command}].
 * q as for encodeQuery, with post; at: {url, host, port, path, selfSigned}.
 */
export function commands(q, wire, at) {
  const where = `@${at.host.replace(/^\[|\]$/g, "")} -p ${at.port}`;
  const https = `+https${q.post ? "" : "-get"}=${shellQuote(at.path)}`;
  const question = [q.class === 1 ? "" : `-c ${className(q.class)}`, `-t ${typeName(q.type)}`, shellQuote(q.name.text)];
  const options = (list) => list.filter(([wanted]) => wanted).map(([, option]) => option);
  const kdig = options([
    [true, q.rd ? "+rdflag +noadflag" : "+nordflag +noadflag"], [q.cd, "+cdflag"], [q.edns?.do, "+dnssec"],
    [q.edns?.nsid, "+nsid"], [q.edns?.zoneVersion, "+ednsopt=19"], [q.edns, q.edns?.padding ? "+padding" : "+nopadding"],
    [q.edns, "+bufsize=1232"], [!q.edns, "+noedns"],
  ]);
  const dig = options([
    [true, q.rd ? "+rec +noad" : "+norec +noad"], [q.cd, "+cd"], [q.edns?.do, "+dnssec"],
    [q.edns?.nsid, "+nsid"], [q.edns?.zoneVersion, "+ednsopt=19"], [q.edns?.padding, "+padding=128"],
    [true, "+nocookie"], [!q.edns, "+noedns"],
  ]);
  const line = (...words) => words.flat().filter((word) => word !== "").join(" ");
  const curl = ["curl -sS", at.selfSigned ? "--insecure" : ""];
  const dump = "| od -A d -t x1z";
  return [
    { tool: "kdig", command: line("kdig", where, https, kdig, question) },
    { tool: "dig", command: line("dig", where, https, dig, question) },
    {
      tool: "curl",
      command: q.post
        ? line(`printf %s ${base64Text(wire)} | base64 -d |`, curl, "-H 'content-type: application/dns-message' --data-binary @-", shellQuote(at.url), dump)
        : line(curl, "-H 'accept: application/dns-message'", shellQuote(`${at.url}?dns=${base64url(wire)}`), dump),
    },
  ];
}
