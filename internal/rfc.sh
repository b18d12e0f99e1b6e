#!/usr/bin/env bash
# rfc.sh: every section of an RFC that code and scenarios cite, and the files
# that cite it.
set -euo pipefail

grep -rnoE 'RFC [0-9]{3,5}( §[0-9]+(\.[0-9]+)*)?' --include='*.go' --include='*.scenario' . |
	awk -F: '{print $3 "\t" substr($1, 3)}' | sort -u -V |
	awk -F'\t' '$1 != last {printf "%s%-18s", (NR > 1 ? "\n" : ""), $1; last = $1} {printf " %s", $2} END {print ""}'
