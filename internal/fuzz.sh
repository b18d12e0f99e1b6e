#!/usr/bin/env bash
# fuzz.sh DURATION: runs every fuzz target of the module for that long.
set -euo pipefail

grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u | while read -r package; do
	grep -hoE '^func Fuzz[A-Za-z0-9]+' "$package"/*_test.go | cut -d' ' -f2 | while read -r target; do
		echo "== $package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" "$package"
	done
done
