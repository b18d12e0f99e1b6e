// Package listen holds what all frontends share about taking an address into
// use: how its failure is told to the operator. It imports nothing of yushan.
package listen
