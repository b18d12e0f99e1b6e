// Package doccheck holds the tests that keep the documents true: every command
// in a block marked "sh" of README.md and docs/ is run as it is written there, in a copy of
// the checkout.
package doccheck
