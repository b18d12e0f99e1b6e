// This command writes a synthetic zone, and queries for it, to files:
//
//	go run ./bench/tldzone/cmd -n 200000 -zone tw.zone -queries queries
package main
