#!/usr/bin/env bash
# fuzz.sh DURATION: runs every fuzz target of the module for that long.
set -euo pipefail

out=$(mktemp)
trap 'rm -f "$out"' EXIT
grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u | while read -r package; do
	grep -hoE '^func Fuzz[A-Za-z0-9]+' "$package"/*_test.go | cut -d' ' -f2 | while read -r target; do
		echo "== $package $target"
		if go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" "$package" 2>&1 | tee "$out"; then
			continue
		fi
		# When the time is up in the middle of an input, the go command reports this
		# as a failure: nothing was found then.
		if ! grep -q 'context deadline exceeded' "$out" || grep -q 'Failing input' "$out"; then
			exit 1
		fi
	done
done
