// Package crew keeps goroutines at hand for connections and requests that are short: those of
// servers, which begin more of them in a second than are ever open at once. It imports nothing of
// this project.
package crew
