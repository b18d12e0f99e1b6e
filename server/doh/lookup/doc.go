// Package lookup is the page on which a browser asks the server that it came
// from: a form for a question, and the answer of /dns-query (RFC 8484) decoded
// in the browser. What the page shows is what the server has sent, byte for byte;
// no resolver and no other code of this project stands between.
//
//	Options ─► New ─► Page ─► File("/"), File("/lookup/page.js") …  by server/doh
//
//	in the browser:
//	page.js ─► name.js ─► message.js ─► doh.js ══► /dns-query
//	form       U-label    query         fetch          │
//	view.js ◄─ describe.js ◄─ message.js, rdata.js, edns.js ◄─ reader.js
//	elements   in words       answer as an object             checked reads
//
// The files under page are plain HTML, CSS and ES modules, built in and served as
// they are; only index.html is a template. [ContentSecurityPolicy] allows
// nothing but them. The decoder trusts no byte: a read outside of the message, a
// compression pointer that doesn't lead backwards, RDATA that is not what its
// type says are told as what is wrong, beside all that could be read. The tests
// compare it, in Chromium, with miekg/dns.
//
// The package may import server/doh/exchange and nothing else of yushan.
package lookup
