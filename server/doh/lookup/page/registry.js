// IANA's registries: the names of numbers.

/** RR types, by number. */
export const types = new Map(Object.entries({
  1: "A", 2: "NS", 3: "MD", 4: "MF", 5: "CNAME", 6: "SOA", 7: "MB", 8: "MG", 9: "MR", 10: "NULL",
  12: "PTR", 13: "HINFO", 14: "MINFO", 15: "MX", 16: "TXT", 17: "RP", 18: "AFSDB", 19: "X25",
  20: "ISDN", 21: "RT", 23: "NSAP-PTR", 24: "SIG", 25: "KEY", 26: "PX", 27: "GPOS", 28: "AAAA", 29: "LOC",
  30: "NXT", 31: "EID", 32: "NIMLOC", 33: "SRV", 34: "ATMA", 35: "NAPTR", 36: "KX", 37: "CERT", 39: "DNAME",
  41: "OPT", 42: "APL", 43: "DS", 44: "SSHFP", 45: "IPSECKEY", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY",
  49: "DHCID", 50: "NSEC3", 51: "NSEC3PARAM", 52: "TLSA", 53: "SMIMEA", 55: "HIP", 56: "NINFO", 57: "RKEY",
  58: "TALINK", 59: "CDS", 60: "CDNSKEY", 61: "OPENPGPKEY", 62: "CSYNC", 63: "ZONEMD", 64: "SVCB", 65: "HTTPS",
  66: "DSYNC", 67: "HHIT", 68: "BRID", 99: "SPF", 100: "UINFO", 101: "UID", 102: "GID", 103: "UNSPEC",
  104: "NID", 105: "L32", 106: "L64", 107: "LP", 108: "EUI48", 109: "EUI64", 128: "NXNAME",
  249: "TKEY", 250: "TSIG", 251: "IXFR", 252: "AXFR", 253: "MAILB", 254: "MAILA", 255: "ANY",
  256: "URI", 257: "CAA", 258: "AVC", 259: "DOA", 260: "AMTRELAY", 261: "RESINFO", 262: "WALLET",
  32768: "TA", 32769: "DLV",
}).map(([number, name]) => [Number(number), name]));

const typeNumbers = new Map([...types].map(([number, name]) => [name, number]));

/** The mnemonic of a type, or its form in RFC 3597 §5. */
export const typeName = (type) => types.get(type) ?? `TYPE${type}`;

/** The number of a type given as mnemonic, TYPE123 or 123; null if it is none of them. */
export function typeNumber(text) {
  text = text.trim().toUpperCase();
  if (typeNumbers.has(text)) return typeNumbers.get(text);
  const digits = /^(?:TYPE)?([0-9]{1,5})$/.exec(text);
  return digits && Number(digits[1]) <= 0xffff ? Number(digits[1]) : null;
}

/** Classes, by number. */
export const classes = new Map([[1, "IN"], [3, "CH"], [4, "HS"], [254, "NONE"], [255, "ANY"]]);

export const className = (number) => classes.get(number) ?? `CLASS${number}`;

/** RCODEs as a mnemonic and what it means; 16 is that of EDNS, not of TSIG. */
export const rcodes = new Map([
  [0, ["NOERROR", "no error"]],
  [1, ["FORMERR", "the server couldn't read the query"]],
  [2, ["SERVFAIL", "the server failed"]],
  [3, ["NXDOMAIN", "the name does not exist"]],
  [4, ["NOTIMP", "the server doesn't do this sort of query"]],
  [5, ["REFUSED", "the server declines to answer"]],
  [6, ["YXDOMAIN", "a name exists that should not, or would be too long"]],
  [7, ["YXRRSET", "an RRset exists that should not"]],
  [8, ["NXRRSET", "an RRset that should exist does not"]],
  [9, ["NOTAUTH", "the server is not authoritative, or you are not authorized"]],
  [10, ["NOTZONE", "the name is not in the zone"]],
  [11, ["DSOTYPENI", "this DSO type is not implemented"]],
  [16, ["BADVERS", "the server doesn't speak this version of EDNS"]],
  [17, ["BADKEY", "the key is not known"]],
  [18, ["BADTIME", "the signature is out of its time"]],
  [19, ["BADMODE", "bad TKEY mode"]],
  [20, ["BADNAME", "duplicate key name"]],
  [21, ["BADALG", "the algorithm is not supported"]],
  [22, ["BADTRUNC", "bad truncation"]],
  [23, ["BADCOOKIE", "bad or missing server cookie"]],
]);

export const rcodeName = (rcode) => rcodes.get(rcode)?.[0] ?? `RCODE${rcode}`;

export const opcodes = new Map([[0, "QUERY"], [1, "IQUERY"], [2, "STATUS"], [4, "NOTIFY"], [5, "UPDATE"], [6, "DSO"]]);

export const opcodeName = (opcode) => opcodes.get(opcode) ?? `OPCODE${opcode}`;

/** EDNS options. */
export const options = new Map([
  [1, "LLQ"], [2, "UL"], [3, "NSID"], [5, "DAU"], [6, "DHU"], [7, "N3U"], [8, "ECS"], [9, "EXPIRE"], [10, "COOKIE"],
  [11, "KEEPALIVE"], [12, "PADDING"], [13, "CHAIN"], [14, "KEY-TAG"], [15, "EDE"], [16, "CLIENT-TAG"],
  [17, "SERVER-TAG"], [18, "REPORT-CHANNEL"], [19, "ZONEVERSION"],
]);

/** Extended DNS errors, RFC 8914 §4 and later ones. */
export const extendedErrors = [
  "Other", "Unsupported DNSKEY Algorithm", "Unsupported DS Digest Type", "Stale Answer", "Forged Answer",
  "DNSSEC Indeterminate", "DNSSEC Bogus", "Signature Expired", "Signature Not Yet Valid", "DNSKEY Missing",
  "RRSIGs Missing", "No Zone Key Bit Set", "NSEC Missing", "Cached Error", "Not Ready", "Blocked", "Censored",
  "Filtered", "Prohibited", "Stale NXDOMAIN Answer", "Not Authoritative", "Not Supported", "No Reachable Authority",
  "Network Error", "Invalid Data", "Signature Expired Before Valid", "Too Early",
  "Unsupported NSEC3 Iterations Value", "Unable To Conform To Policy", "Synthesized", "Invalid Query Type",
];

/** SvcParamKeys, RFC 9460 §14.3.2 and later ones. */
export const svcParams = [
  "mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath", "ohttp", "tls-supported-groups",
];

/** DNSSEC algorithms. */
export const algorithms = new Map([
  [1, "RSAMD5"], [3, "DSA"], [5, "RSASHA1"], [6, "DSA-NSEC3-SHA1"], [7, "RSASHA1-NSEC3-SHA1"], [8, "RSASHA256"],
  [10, "RSASHA512"], [12, "ECC-GOST"], [13, "ECDSAP256SHA256"], [14, "ECDSAP384SHA384"], [15, "ED25519"], [16, "ED448"],
  [17, "SM2SM3"], [23, "ECC-GOST12"], [252, "INDIRECT"], [253, "PRIVATEDNS"], [254, "PRIVATEOID"],
]);

/** Digests of DS records. */
export const digests = new Map([[1, "SHA-1"], [2, "SHA-256"], [3, "GOST R 34.11-94"], [4, "SHA-384"], [5, "GOST R 34.11-2012"], [6, "SM3"]]);
