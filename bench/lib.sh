# lib.sh: the servers' processes, and what they use. Sourced by compare.sh.

server= # process ID of the one that runs

# start NAME runs a server and returns when it answers on UDP. $loaded is how
# many milliseconds that took.
start() {
	local began
	began=$(now)
	{ exec >"$dir/$1.log" 2>&1; "$1_run"; } &
	server=$!
	until dig +short +tries=1 +time=1 -p "$port" @127.0.0.1 tw SOA 2>/dev/null | grep -q hostmaster; do
		kill -0 "$server" 2>/dev/null || { echo "compare.sh: $1 has ended:" >&2; cat "$dir/$1.log" >&2; exit 1; }
		sleep 0.02
	done
	loaded=$((($(now) - began) / 1000000))
}

stop() {
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
		server=
	fi
}

# The processes of a server: NSD answers in a child.
family() {
	echo "$1"
	for child in $(pgrep -P "$1" || true); do family "$child"; done
}

cpu() { # nanoseconds on a processor, of all threads of all processes
	for pid in $(family "$server"); do cat /proc/"$pid"/task/*/schedstat 2>/dev/null || true; done | awk '{sum += $1} END {printf "%.0f", sum}'
}

memory() { # KiB, shared pages divided among those that share them
	for pid in $(family "$server"); do cat /proc/"$pid"/smaps_rollup 2>/dev/null || true; done | awk '/^Pss:/ {sum += $2} END {print sum + 0}'
}

now() { date +%s%N; }

# need TOOL… ends the script if one is missing.
need() {
	for tool in "$@"; do
		command -v "$tool" >/dev/null || { echo "compare.sh: $tool is not installed" >&2; exit 1; }
	done
}
