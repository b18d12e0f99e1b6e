// Package terminal tells terminals from files and pipes. It imports nothing of yushan.
package terminal
