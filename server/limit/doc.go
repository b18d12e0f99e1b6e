// Package limit has the budgets that listeners share out among clients whom they
// know nothing about yet. It imports nothing of yushan.
package limit
