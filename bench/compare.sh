#!/usr/bin/env bash
# compare.sh: yushan, NSD and Knot one after the other, on the same zone and the
# same queries, from dnsperf. Prints a table: time from start to the first
# answer, memory (PSS), queries per second, CPU time of the server per answered
# query, lost queries. All on loopback, one server thread and one client thread
# each; the figures to compare are CPU time and memory, since queries per second
# depend on what the client leaves of the machine.
#
#   bench/compare.sh [-n DELEGATIONS] [-t SECONDS] [-r ROUNDS] [-m udp|tcp] [-s]
#
# -s signs the zone with NSEC3 opt-out, and asks with DO set. Needs dnsperf, nsd,
# knot and dig.
set -euo pipefail
cd "$(dirname "$0")/.."

delegations=200000 seconds=5 rounds=3 mode=udp edns=
while getopts n:t:r:m:s flag; do
	case $flag in
	n) delegations=$OPTARG ;;
	t) seconds=$OPTARG ;;
	r) rounds=$OPTARG ;;
	m) mode=$OPTARG ;;
	s) edns=-D ;;
	*) exit 2 ;;
	esac
done
for tool in dnsperf nsd knotd dig; do
	command -v $tool >/dev/null || { echo "compare.sh: $tool is not installed" >&2; exit 1; }
done

dir=$(mktemp -d)
server=
stop() {
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
		server=
	fi
}
trap 'stop; rm -rf "$dir"' EXIT
port=$((20000 + RANDOM % 20000))

echo "making a zone of $delegations delegations …" >&2
go build -o "$dir/yushan" ./cmd/yushan
go run ./internal/tldzone/cmd -n "$delegations" -zone "$dir/tw.zone" -queries "$dir/queries"

if [ -n "$edns" ]; then
	"$dir/yushan" sign --zone tw="$dir/tw.zone" --generate-keys "$dir/keys" --nsec3 --opt-out --out "$dir/signed.zone" >&2
	mv "$dir/signed.zone" "$dir/tw.zone"
fi

cat >"$dir/yushan.yaml" <<END
listen: [127.0.0.1:$port]
udp: {workers: 1}
zones: [{name: tw, file: $dir/tw.zone}]
END
cat >"$dir/nsd.conf" <<END
server:
  ip-address: 127.0.0.1@$port
  server-count: 1
  username: ""
  zonesdir: "$dir"
  database: ""
  pidfile: "$dir/nsd.pid"
  zonelistfile: "$dir/zone.list"
  xfrdfile: "$dir/xfrd.state"
  tcp-count: 1000
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: tw
  zonefile: tw.zone
END
cat >"$dir/knot.conf" <<END
server:
  listen: 127.0.0.1@$port
  rundir: "$dir"
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "$dir"
zone:
  - domain: tw
    storage: "$dir"
    file: tw.zone
    zonefile-sync: -1
    zonefile-load: whole
    semantic-checks: off
END

start() {
	exec >"$dir/$1.log" 2>&1
	case $1 in
	yushan) exec "$dir/yushan" serve --config "$dir/yushan.yaml" --log-level error ;;
	nsd) exec nsd -d -c "$dir/nsd.conf" ;;
	knot) exec knotd -c "$dir/knot.conf" ;;
	esac
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

measure() {
	local began loaded before after
	began=$(now)
	start "$1" &
	server=$!
	until dig +short +tries=1 +time=1 -p $port @127.0.0.1 tw SOA 2>/dev/null | grep -q hostmaster; do
		kill -0 $server 2>/dev/null || { cat "$dir/$1.log" >&2; exit 1; }
		sleep 0.02
	done
	loaded=$((($(now) - began) / 1000000))
	dnsperf -s 127.0.0.1 -p $port -d "$dir/queries" -m "$mode" $edns -c 10 -T 1 -q 200 -l 1 >/dev/null 2>&1 # warm
	before=$(cpu)
	dnsperf -s 127.0.0.1 -p $port -d "$dir/queries" -m "$mode" $edns -c 10 -T 1 -q 200 -l "$seconds" >"$dir/dnsperf.out" 2>&1
	after=$(cpu)
	awk -v server="$1" -v loaded="$loaded" -v mem="$(memory)" -v cpu=$((after - before)) '
		/Queries sent/ {sent = $3} /Queries completed/ {done = $3} /Queries per second/ {qps = $4}
		END {printf "%s %d %.1f %.0f %.2f %.3f\n", server, loaded, mem / 1024, qps, cpu / done / 1000, 100 * (sent - done) / sent}' "$dir/dnsperf.out" >>"$dir/results"
	stop
}

for round in $(seq "$rounds"); do
	for name in yushan nsd knot; do
		echo "round $round: $name" >&2
		measure $name
	done
done

echo "$delegations delegations, $mode${edns:+, signed, DO set}, medians of $rounds rounds of $seconds s ($("$dir/yushan" version | head -1), $(nsd -v 2>&1 | head -1), $(knotd --version | head -1))"
printf '%-8s %10s %10s %12s %14s %8s\n' server 'load ms' 'PSS MiB' 'queries/s' 'CPU us/query' 'lost %'
for name in yushan nsd knot; do
	printf '%-8s' $name
	for column in 2 3 4 5 6; do
		width=$(echo 0 0 10 10 12 14 8 | cut -d' ' -f$((column + 1)))
		printf " %${width}s" "$(awk -v n=$name -v c=$column '$1 == n {print $c}' "$dir/results" | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}')"
	done
	echo
done
