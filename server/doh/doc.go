// Package doh answers DNS queries over HTTPS (RFC 8484), by HTTP/1.1, 2 and 3.
package doh
