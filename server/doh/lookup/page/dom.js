// Making elements. Text is always text: nothing here reads HTML.

/** An element with properties, and children that are nodes or strings. */
export function el(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length > 0) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== ""));
  return element;
}

/** A name in U-labels, which the text around it cannot turn; its A-labels are the tooltip. */
export function nameElement(shown, text, properties = {}) {
  return el(properties.href ? "a.name" : "span.name", { title: shown === text ? null : text, ...properties }, el("bdi", { lang: languageOf(shown) }, inLabels(shown)));
}

// Fonts draw characters that are common to Chinese and Japanese in the form of
// the language; here a name in Han characters is Chinese.
function languageOf(text) {
  if (!/\p{Script=Han}/u.test(text)) return null;
  return text.endsWith("台湾.") ? "zh-Hans" : "zh-Hant";
}

// A long name is broken between its labels.
function inLabels(name) {
  return name.split(/(?<=[^\\]\.)/u).map((label) => el("span.label", {}, label));
}

/** A name in A-labels, to be put below the same in U-labels. */
export const alabelElement = (text, properties = {}) => el("span.alabel", properties, text.split(" ").map((name, i) => [i === 0 ? "" : " ", inLabels(name)]));

/** A button that copies the text of an element, or selects it where the browser forbids that. */
export function copyButton(label, source) {
  const button = el("button.copy", { type: "button" }, label);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = label; }, 1500);
  });
  return button;
}
