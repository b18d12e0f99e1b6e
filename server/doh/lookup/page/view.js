// An answer as elements of the page.

import { duration, flags, note, summary } from "./describe.js";
import { alabelElement, copyButton, el, nameElement } from "./dom.js";
import { makeFragment } from "./link.js";
import { className, opcodeName, typeName } from "./registry.js";
import { hexRows, messageText } from "./text.js";

const rowsAtMost = 400; // in one section; more of them stall a browser

/** The children of the result for an answer. */
export function answerView({ message, http, query, queryBytes, commandList }) {
  const now = Date.now() / 1000;
  return [
    summaryCard(message, http, query),
    ...["answer", "authority", "additional"].map((section) => sectionCard(section, message, now, query)),
    ednsCard(message),
    headerCard(message, http),
    commandsCard(commandList),
    bytesCard(queryBytes, message),
    textCard(message),
  ].filter((card) => card !== null);
}

/** The children of the result when there is no answer. */
export function failureView({ text, http, commandList }) {
  return [
    el("section.card.summary.broken", { id: "summary" },
      el("h2", {}, el("strong", { id: "rcode" }, http ? `HTTP ${http.status}` : "No answer")),
      el("p", { id: "problem" }, text),
      http ? factList(httpFacts(http)) : ""),
    commandsCard(commandList),
  ];
}

function summaryCard(m, http, query) {
  const s = summary(m);
  const q = m.question[0] ?? query;
  const facts = [
    ["time", `${http.milliseconds.toFixed(http.milliseconds < 10 ? 1 : 0)} ms`],
    ["size", `${m.bytes.length} bytes`],
    ["by", http.version],
    ["fresh for", freshness(http.cacheControl)],
  ];
  return el(`section.card.summary.${s.kind}`, { id: "summary", "data-kind": s.kind },
    el("h2", {}, el("strong", { id: "rcode" }, s.title), " ", el("span.asked", {}, nameElement(q.name.unicode, q.name.text), " ", typeLabel(q))),
    q.name.unicode === q.name.text ? "" : alabelElement(q.name.text, { id: "asked-alabel" }),
    el("p", { id: "meaning" }, s.text),
    m.problem ? el("p.problem", { id: "problem", role: "alert" }, `At byte ${m.problem.offset}: ${m.problem.text}`) : "",
    factList(facts));
}

const typeLabel = (r) => `${r.class === 1 ? "" : `${className(r.class)} `}${typeName(r.type)}`;

function freshness(cacheControl) {
  const maxAge = /max-age=([0-9]+)/.exec(cacheControl);
  return maxAge ? duration(Number(maxAge[1])) : "";
}

function factList(facts) {
  return el("dl.facts", {}, facts.filter(([, value]) => value !== "").map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value))));
}

function sectionCard(section, m, now, query) {
  const records = m[section];
  if (records.length === 0) return null;
  const caption = `${section[0].toUpperCase()}${section.slice(1)}`;
  const rows = records.slice(0, rowsAtMost).map((r, i) => recordRow(r, records[i - 1], now, query));
  return el("section.card", { id: `section-${section}`, "aria-labelledby": `title-${section}` },
    el("h2", { id: `title-${section}` }, caption, " ", el("small", {}, String(records.length))),
    el("table", { "aria-labelledby": `title-${section}` },
      el("thead", {}, el("tr", {}, ["Name", "TTL", "Type", "Data"].map((text) => el("th", { scope: "col" }, text)))),
      el("tbody", {}, rows)),
    records.length > rowsAtMost ? el("p.note", {}, `${records.length - rowsAtMost} more are in the text below.`) : "");
}

function recordRow(r, previous, now, query) {
  const shown = r.name.unicode;
  const repeated = previous !== undefined && previous.name.text === r.name.text;
  return el(repeated ? "tr.repeated" : "tr", { "data-type": typeName(r.type) },
    el("td.owner", {}, nameElement(shown, r.name.text), shown === r.name.text || repeated ? "" : alabelElement(r.name.text)),
    el("td.ttl", {}, el("span.number", {}, String(r.ttl)), " ", el("span.quiet", {}, duration(r.ttl))),
    el("td.type", {}, typeLabel(r)),
    el("td.data", {}, dataElements(r, query), noteElement(r, now)));
}

const longToken = 40; // characters: keys, signatures, digests

function dataElements(r, query) {
  const tokens = r.tokens.flatMap((token, i) => {
    const [shown, text] = [token.shown ?? token, token.text ?? token];
    let element = shown;
    if (token.name && text !== ".") element = nameElement(shown, text, { href: makeFragment({ name: shown, type: typeOfTarget(r), set: query.set }) });
    else if (shown.length > longToken && !/\s/.test(shown)) element = el("span.long", {}, shown);
    return i === 0 ? [element] : [" ", element];
  });
  const alabels = r.tokens.filter((token) => token.name && token.shown !== token.text).map((token) => token.text);
  return [el("span.tokens", {}, tokens), alabels.length > 0 ? alabelElement(alabels.join(" ")) : ""];
}

// What to ask about a name in RDATA: an alias's target has the type that was
// asked for, a server has addresses.
const typeOfTarget = (r) => (typeName(r.type) === "NSEC" ? "NSEC" : "A");

function noteElement(r, now) {
  const text = note(r, now);
  return text === "" ? "" : el(r.problem ? "span.note.problem" : "span.note", {}, text);
}

function ednsCard(m) {
  const opt = m.opt;
  if (opt === null) return null;
  const rows = [
    ["UDP size", `${opt.udpBytes} bytes`],
    ["Version", String(opt.version)],
    ["Flags", [opt.do ? "DO" : "", opt.co ? "CO" : "", opt.z ? `unknown: 0x${opt.z.toString(16)}` : ""].filter(Boolean).join(", ") || "none"],
    ...opt.options.map((option) => [option.name, option.text]),
  ];
  return el("section.card", { id: "section-edns", "aria-labelledby": "title-edns" },
    el("h2", { id: "title-edns" }, "EDNS"),
    el("dl.rows", {}, rows.map(([term, text]) => el("div", { "data-option": term }, el("dt", {}, term), el("dd", {}, text)))),
    opt.problem ? el("p.problem", {}, opt.problem) : "");
}

function headerCard(m, http) {
  const h = m.header;
  return el("section.card", { id: "section-header", "aria-labelledby": "title-header" },
    el("h2", { id: "title-header" }, "Header and transport"),
    h === null ? "" : el("ul.flags", { id: "flags", "aria-label": "Header flags" }, flags.map(([key, short, long]) =>
      el(h[key] ? "li.set" : "li", { title: long, "aria-label": `${short}, ${long}: ${h[key] ? "set" : "not set"}` }, short))),
    el("dl.rows", {}, [
      ...(h === null ? [] : [["Opcode", opcodeName(h.opcode)], ["ID", String(h.id)], ["Counts", Object.entries(h.counts).map(([section, n]) => `${section} ${n}`).join(" · ")]]),
      ...httpFacts(http),
    ].filter(([, text]) => text !== "").map(([term, text]) => el("div", { "data-fact": term }, el("dt", {}, term), el("dd", {}, text)))));
}

const httpFacts = (http) => [
  ["HTTP", `${http.version} ${http.method} ${http.status} ${http.statusText}`.trim()],
  ["Content-Type", http.contentType],
  ["Cache-Control", http.cacheControl],
  ["Age", http.age],
  ["Alt-Svc", http.altSvc],
];

function commandsCard(commandList) {
  return el("section.card", { id: "section-commands", "aria-labelledby": "title-commands" },
    el("h2", { id: "title-commands" }, "The same question in a terminal"),
    commandList.map(({ tool, command }) => {
      const code = el("code", { id: `command-${tool}`, tabIndex: 0 }, command);
      return el("div.command", {}, code, copyButton("Copy", code));
    }));
}

function bytesCard(queryBytes, m) {
  const details = el("details", { id: "bytes" }, el("summary", {}, "Bytes"));
  const regionsOfQuery = [[0, 12, "header"], [12, queryBytes.length, "question"]];
  details.addEventListener("toggle", () => { // thousands of rows are made only for who wants them
    if (details.children.length > 1) return;
    details.append(
      el("h3", {}, `Query, ${queryBytes.length} bytes`), hexDump(queryBytes, regionsOfQuery, "hex-query"),
      el("h3", {}, `Answer, ${m.bytes.length} bytes`), hexDump(m.bytes, m.regions, "hex-answer"),
      el("p.legend", { "aria-hidden": "true" }, ["header", "question", "answer", "authority", "additional", "edns"].map((region) => el(`span.region-${region}`, {}, region))));
  });
  return el("section.card", {}, details);
}

function hexDump(bytes, regions, id) {
  const width = matchMedia("(max-width: 40rem)").matches ? 8 : 16;
  const pre = el("pre.hex", { id, tabIndex: 0 });
  let region = 0;
  for (const row of hexRows(bytes, width)) {
    const line = [el("span.quiet", {}, row.offset.toString(16).padStart(4, "0")), "  "];
    for (let i = 0; i < row.cells.length;) {
      const at = row.offset + i;
      while (region < regions.length && regions[region][1] <= at) region++;
      const [, end, kind] = regions[region] ?? [at, bytes.length, "unread"];
      const n = Math.min(end - at, row.cells.length - i);
      line.push(el(`span.region-${kind}`, {}, row.cells.slice(i, i + n).join(" ")), " ");
      i += n;
    }
    line.push("   ".repeat(width - row.cells.length), " ", el("span.quiet", {}, row.ascii), "\n");
    pre.append(...line);
  }
  return pre;
}

function textCard(m) {
  const pre = el("pre.text", { id: "text", tabIndex: 0 }, messageText(m));
  return el("section.card", {}, el("details", { id: "as-text" }, el("summary", {}, "As text"), el("div.command", {}, pre, copyButton("Copy", pre))));
}
