// The page: what was typed becomes a query, the answer is shown.

import { failureView, answerView } from "./view.js";
import { ExchangeError, exchange } from "./doh.js";
import { defaults, makeFragment, parseFragment } from "./link.js";
import { decodeMessage, encodeQuery } from "./message.js";
import { NameError, parseName } from "./name.js";
import { typeName, typeNumber } from "./registry.js";
import { commands } from "./text.js";
import { summary } from "./describe.js";

const byID = (id) => document.getElementById(id);
const form = byID("question");
const nameField = byID("name");
const typeText = byID("type-text");
const result = byID("result");

const endpoint = new URL(document.body.dataset.dnsPath, location.href);
const switches = Object.keys(defaults);

class FieldError extends Error {
  constructor(text, field, note) {
    super(text);
    this.field = field;
    this.note = note;
  }
}

/** What the form says: {name, type, set} as in links. */
function readForm() {
  const checked = form.elements.type.value;
  return {
    name: nameField.value.trim(),
    type: checked === "" ? typeText.value.trim().toUpperCase() : checked,
    set: Object.fromEntries(switches.map((key) => [key, byID(`opt-${key}`).checked])),
  };
}

function writeForm({ name, type, set }) {
  nameField.value = name;
  const radio = byID(`type-${type.toUpperCase()}`);
  if (radio && radio.value !== "") {
    radio.checked = true;
    typeText.value = "";
  } else {
    byID("type-other").checked = true;
    typeText.value = type.toUpperCase();
  }
  for (const key of switches) byID(`opt-${key}`).checked = set[key];
  update();
}

/** Shows at once what the fields will become. */
function update() {
  const edns = byID("opt-edns").checked;
  for (const box of form.querySelectorAll("input.edns")) box.disabled = !edns;
  clearProblems();
  let text = "";
  try {
    if (nameField.value.trim() !== "") {
      const name = parseName(nameField.value);
      if (name.unicode !== name.text) text = name.text;
    }
  } catch (error) {
    if (!(error instanceof NameError)) throw error; // said when it is asked: it may be half typed
  }
  byID("name-note").textContent = text;
}

function clearProblems() {
  for (const field of [nameField, typeText]) field.removeAttribute("aria-invalid");
  for (const note of [byID("name-note"), byID("type-note")]) {
    note.classList.remove("problem");
    note.textContent = "";
  }
}

function makeQuery({ name, type, set }) {
  const number = typeNumber(type);
  let parsed;
  try {
    parsed = parseName(name);
  } catch (error) {
    if (error instanceof NameError) throw new FieldError(error.message, nameField, byID("name-note"));
    throw error;
  }
  if (number === null) throw new FieldError(`“${type}” is no type: a mnemonic such as NAPTR, or a number up to 65535.`, typeText, byID("type-note"));
  return {
    name: parsed, type: number, class: set.ch ? 3 : 1, rd: set.rd, cd: set.cd, post: set.post, set,
    edns: set.edns ? { do: set.do, nsid: set.nsid, zoneVersion: set.zoneversion, padding: set.padding } : null,
  };
}

let underWay = null; // the AbortController of the question being asked

async function ask(fields) {
  clearProblems();
  underWay?.abort();
  let query;
  try {
    query = makeQuery(fields);
  } catch (error) {
    if (!(error instanceof FieldError)) throw error;
    error.note.textContent = error.message;
    error.note.classList.add("problem");
    error.field.setAttribute("aria-invalid", "true");
    error.field.focus();
    show("failed", [], error.message);
    return;
  }
  const shownName = query.name.unicode;
  byID("name-note").textContent = shownName === query.name.text ? "" : query.name.text;
  document.title = `${shownName} ${typeName(query.type)} · ${serverTitle}`;
  const queryBytes = encodeQuery(query);
  const commandList = commands(query, queryBytes, {
    url: endpoint.href, path: endpoint.pathname, host: endpoint.hostname,
    port: endpoint.port || (endpoint.protocol === "https:" ? "443" : "80"), selfSigned: "selfSigned" in document.body.dataset,
  });
  const controller = new AbortController();
  underWay = controller;
  result.setAttribute("aria-busy", "true");
  try {
    const { bytes, http } = await exchange(endpoint.href, queryBytes, { post: query.post, signal: controller.signal });
    if (underWay !== controller) return;
    const message = decodeMessage(bytes);
    const { title, text } = summary(message);
    show("done", answerView({ message, http, query, queryBytes, commandList }), `${title}. ${text}`);
  } catch (error) {
    if (underWay !== controller) return; // another question came
    if (!(error instanceof ExchangeError)) throw error;
    show("failed", failureView({ text: error.message, http: error.http, commandList }), error.message);
  }
}

const serverTitle = document.title;
let answers = 0;

function show(state, children, spoken) {
  underWay = null;
  result.replaceChildren(...children);
  result.hidden = children.length === 0;
  result.removeAttribute("aria-busy");
  result.dataset.state = state;
  result.dataset.answers = String(++answers); // one more with each, so that a test can wait for it
  byID("status").textContent = spoken;
}

function askByLink() {
  const fields = parseFragment(location.hash);
  if (fields === null) return;
  writeForm(fields);
  ask(fields);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = readForm();
  const fragment = makeFragment(fields);
  if (fields.name !== "" && fragment !== makeFragment(parseFragment(location.hash) ?? { name: "", type: "", set: defaults })) {
    history.pushState(null, "", fragment);
  }
  ask(fields);
});
form.addEventListener("input", update);
typeText.addEventListener("input", () => { byID("type-other").checked = true; });
byID("type-other").addEventListener("change", () => typeText.focus());
// Choosing another type of a name that has been asked about asks at once.
form.addEventListener("change", (event) => {
  if (event.target.name === "type" && event.target.value !== "" && !result.hidden) form.requestSubmit();
});
addEventListener("hashchange", askByLink);
// A link to what is shown already asks again.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='#']");
  if (link && link.hash === location.hash) askByLink();
});

writeForm({ name: "", type: "A", set: defaults });
askByLink();
