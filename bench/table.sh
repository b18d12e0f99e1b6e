# table.sh: what was measured, as a table. Sourced by compare.sh.

# table prints the medians of $dir/results, whose columns are: server, ms to load,
# KiB, queries sent, answered, connections, those resumed, seconds, ns of CPU time.
table() {
	local versions= name unit=query
	case $mode in *-full | *-resumed) unit=handshake ;; esac
	for name in $list; do versions+="${versions:+, }$("${name}_version")"; done
	echo "$delegations delegations, $mode${edns:+, signed, DO set}, by ${client/_/-}, medians of $rounds rounds of $seconds s ($versions)"
	[ -z "$encrypted" ] || echo "the same certificate for all, ECDSA P-256; clients offer X25519 only, so that no server spends time on ML-KEM"
	awk -v unit="$unit" -v list="$list" '
		function median(column,    n, i, j, t, v) {
			n = 0
			for (i = 1; i <= rounds[name]; i++) v[++n] = of[name, i, column]
			for (i = 2; i <= n; i++) for (j = i; j > 1 && v[j - 1] > v[j]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
			least = v[1]; most = v[n]
			return v[int((n + 1) / 2)]
		}
		{
			i = ++rounds[$1]
			if ($5 == 0) { print "no answers from " $1 > "/dev/stderr"; failed = 1; exit 1 }
			of[$1, i, "load"] = $2; of[$1, i, "memory"] = $3 / 1024; of[$1, i, "rate"] = $5 / $8
			of[$1, i, "cpu"] = $9 / $5 / 1000; of[$1, i, "lost"] = 100 * ($4 - $5) / $4
			of[$1, i, "resumed"] = $6 ? 100 * $7 / $6 : 0
		}
		END {
			if (failed) exit 1
			servers = split(list, order, " ")
			for (s = 1; s <= servers; s++) {
				name = order[s]
				cpu[name] = median("cpu")
				if (s > 1 && (!best || cpu[name] < best)) best = cpu[name]
			}
			printf "%-8s %10s %10s %12s %18s %8s", "server", "load ms", "PSS MiB", unit == "query" ? "queries/s" : "handshakes/s", "CPU us/" unit, "lost %"
			if (unit == "handshake") printf " %14s %10s", "per CPU second", "resumed %"
			printf " %14s %8s\n", "least to most", "ratio"
			for (s = 1; s <= servers; s++) {
				name = order[s]
				printf "%-8s %10d %10.1f %12.0f %18.2f", name, median("load"), median("memory"), median("rate"), cpu[name]
				printf " %8.3f", median("lost")
				if (unit == "handshake") printf " %14.0f %10.1f", 1e6 / cpu[name], median("resumed")
				median("cpu")
				printf " %14s %8s\n", sprintf("%.2f-%.2f", least, most), best ? sprintf("%.2f", cpu[name] / best) : "-"
			}
		}' "$dir/results"
}
