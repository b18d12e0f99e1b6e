// Deep links: #NAME/TYPE/OPTIONS, such as #資訊.台灣/HTTPS or #tw/DNSKEY/do,padding.
// A "/" in the name is written %2F.

/** What a page without options asks with. */
export const defaults = { edns: true, do: false, nsid: true, zoneversion: false, padding: false, rd: false, cd: false, post: false, ch: false };

/** The fields that a fragment (with or without "#") stands for, or null for an empty one. */
export function parseFragment(fragment) {
  const parts = fragment.replace(/^#/, "").split("/").map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  if (parts[0] === "") return null;
  const set = { ...defaults };
  for (const word of (parts[2] ?? "").toLowerCase().split(",")) {
    const off = word.startsWith("no");
    const key = off && word !== "nsid" ? word.slice(2) : word;
    if (Object.hasOwn(defaults, key)) set[key] = !off || word === "nsid";
  }
  return { name: parts[0], type: parts[1] || "A", set };
}

/** The fragment for these fields; only what differs from the defaults is in it. */
export function makeFragment({ name, type, set }) {
  // Letters of any script stay readable; what would end a part doesn't.
  const readable = (text) => text.replace(/[%/#?\s]/g, encodeURIComponent);
  const words = Object.keys(defaults).filter((key) => set[key] !== defaults[key]).map((key) => (set[key] ? key : `no${key}`));
  return `#${readable(name)}/${readable(type)}${words.length > 0 ? `/${words.join(",")}` : ""}`;
}
