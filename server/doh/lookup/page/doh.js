// DNS over HTTPS, RFC 8484, by fetch.

import { base64url } from "./text.js";

const maxMessageBytes = 65535;
const timeoutMilliseconds = 15_000;
const mediaType = "application/dns-message";

/** An answer that is no DNS message. */
export class ExchangeError extends Error {
  constructor(text, http = null) {
    super(text);
    this.http = http;
  }
}

/**
 * Sends a query to `url` and returns {bytes, http}: the answer and how it came.
 * http: {status, statusText, version, cacheControl, age, altSvc, contentType, milliseconds, url}.
 * Throws ExchangeError; http is set in it if there was a response.
 */
export async function exchange(url, query, { post, signal }) {
  const target = post ? url : `${url}?dns=${base64url(query)}`;
  const request = {
    cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer",
    headers: { accept: mediaType },
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMilliseconds)]),
  };
  if (post) Object.assign(request, { method: "POST", body: query, headers: { ...request.headers, "content-type": mediaType } });
  performance.clearResourceTimings();
  const start = performance.now();
  let response, bytes;
  try {
    response = await fetch(target, request);
    bytes = await readBody(response);
  } catch (error) {
    if (error instanceof ExchangeError || signal.aborted) throw error;
    if (error.name === "TimeoutError") throw new ExchangeError(`No answer within ${timeoutMilliseconds / 1000} seconds.`);
    throw new ExchangeError("The server can't be reached, or the connection broke. The browser's console says why.");
  }
  const elapsed = performance.now() - start;
  const timing = await timingOf(target);
  const field = (name) => response.headers.get(name) ?? "";
  const http = {
    url: target, method: post ? "POST" : "GET",
    status: response.status, statusText: response.statusText,
    version: versions[timing?.nextHopProtocol] ?? timing?.nextHopProtocol ?? "",
    cacheControl: field("cache-control"), age: field("age"), altSvc: field("alt-svc"), contentType: field("content-type"),
    milliseconds: timing && timing.responseEnd > timing.requestStart && timing.requestStart > 0 ? timing.responseEnd - timing.requestStart : elapsed,
  };
  if (!response.ok) {
    const words = http.contentType.startsWith("text/plain") ? `: ${new TextDecoder().decode(bytes.subarray(0, 300)).trim()}` : "";
    throw new ExchangeError(`The server answered with HTTP status ${http.status}${words}`, http);
  }
  if (http.contentType.split(";")[0].trim().toLowerCase() !== mediaType) {
    throw new ExchangeError(`The answer is “${http.contentType || "of no type"}”, not ${mediaType}.`, http);
  }
  return { bytes, http };
}

const versions = { "http/1.1": "HTTP/1.1", h2: "HTTP/2", h3: "HTTP/3" };

// readBody reads at most the longest message.
async function readBody(response) {
  const parts = [];
  let size = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done) break;
    parts.push(value);
    size += value.length;
    if (size > maxMessageBytes) {
      await reader.cancel();
      throw new ExchangeError(`The answer is longer than ${maxMessageBytes} bytes, so it is no DNS message.`);
    }
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

// timingOf waits for the browser's record of a request, which may come a little
// after the response.
async function timingOf(url) {
  for (let i = 0; i < 10; i++) {
    const entry = performance.getEntriesByName(url, "resource").at(-1);
    if (entry) return entry;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return null;
}
