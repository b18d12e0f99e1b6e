#!/usr/bin/env bash
# compare.sh: yushan and other servers one after the other, on the same zone, the
# same queries and the same certificate. Prints a table for each mode, in which
# "ratio" is to the best peer. All on loopback, one thread for each server; the
# figures to compare are the server's own CPU time and memory, since queries per
# second depend on what the client leaves of the machine.
#
#   bench/compare.sh [-m MODE] [-n DELEGATIONS] [-t SECONDS] [-r ROUNDS] [-s] [-p "PEER…"] [-b]
#
#   -m udp          with NSD and Knot (10 clients, 200 queries under way)
#   -m tcp          likewise; persistent connections in this and the next four
#   -m dot          with NSD and BIND, and Knot (see KNOTD)
#   -m doh          HTTP/2 with BIND; POST, and doh-get for GET
#   -m doh3         HTTP/3 with CoreDNS (16 connections, 25 queries under way on each)
#   -m doq          likewise; and with Knot, too, as doq-few: 8 queries under way,
#                   since Knot answers no more than 10 on a connection
#   -m handshakes   a connection for each query on DoT and DoQ, by clients that are
#                   new (full handshakes) and that come back (resumed), 16 at a time;
#                   one of dot-full, dot-resumed, doq-full, doq-resumed alone
#   -s              sign the zone with NSEC3 opt-out, and ask with DO set; without
#                   CoreDNS, which serves no such zone
#   -p              these peers only
#   -d              dnsperf asks instead of yushan-bench, as far as it can: on udp,
#                   tcp, dot, doh, doh-get. It writes queries one by one, where
#                   yushan-bench writes those of a connection that are due together
#                   at once, and so does more for servers that answer together
#
# KNOTD=/path/to/knotd is a Knot ≥ 3.4, which speaks DoT and DoQ; COREDNS=/path a
# CoreDNS; without, one is built where it is needed, in ~/.cache/yushan-bench.
# YUSHAN=/path is a yushan that has been built before.
set -euo pipefail
cd "$(dirname "$0")/.."
source bench/lib.sh
source bench/load.sh
for file in bench/peers/*.sh; do source "$file"; done
source bench/table.sh

delegations=200000 seconds=5 rounds=3 modes=udp edns= only= client=dnsperf
while getopts n:t:r:m:sp:b flag; do
	case $flag in
	n) delegations=$OPTARG ;;
	t) seconds=$OPTARG ;;
	r) rounds=$OPTARG ;;
	m) modes=$OPTARG ;;
	s) edns=-D ;;
	p) only=$OPTARG ;;
	b) client=yushan_bench ;;
	*) exit 2 ;;
	esac
done
modes=$(for mode in $modes; do
	case $mode in
	doq) echo doq ${KNOTD:+doq-few} ;;
	handshakes) echo dot-full dot-resumed doq-full doq-resumed ;;
	*) echo "$mode" ;;
	esac
done | tr '\n' ' ')

# peers MODE prints who takes part beside yushan.
peers() {
	local coredns=coredns
	[ -z "$edns" ] || coredns=
	case $1 in
	udp | tcp) echo nsd knot ;;
	dot | dot-*) echo nsd bind ${KNOTD:+knot} ;;
	doh | doh-get) echo bind ;;
	doh3 | doq) echo $coredns ;;
	doq-*) echo $coredns ${KNOTD:+knot} ;;
	*) echo "compare.sh: no mode \"$1\": see the head of this file" >&2; exit 2 ;;
	esac
}

dir=$(mktemp -d)
trap 'stop; rm -rf "$dir"' EXIT
port=$((20000 + RANDOM % 12000)) secure=$((port + 1)) web=$((port + 2))

fail() {
	echo "compare.sh: the client of $1, $mode:" >&2
	cat "$dir/load.err" "$dir/$1.log" >&2
	exit 1
}

# measure NAME adds a line to the results of the mode.
measure() {
	local before after sent answered opened resumed took
	start "$1"
	load "$mode" 1 >/dev/null || fail "$1" # warm
	before=$(cpu)
	load "$mode" "$seconds" >"$dir/load" || fail "$1"
	after=$(cpu)
	read -r sent answered opened resumed took <"$dir/load"
	echo "$1 $loaded $(memory) $sent $answered $opened $resumed $took $((after - before))" >>"$dir/results"
	stop
}

need dig
[ "$client" != dnsperf ] || need dnsperf
encrypted=
for mode in $modes; do
	case $mode in
	udp | tcp) ;;
	*) encrypted=yes ;;
	esac
done
[ -z "$encrypted" ] || need openssl
names=$(for mode in $modes; do peers "$mode"; done)
echo "making a zone of $delegations delegations …" >&2
if [ -n "${YUSHAN:-}" ]; then cp "$YUSHAN" "$dir/yushan"; else go build -o "$dir/yushan" ./cmd/yushan; fi
go build -o "$dir/yushan-bench" ./cmd/yushan-bench
"$dir/yushan-bench" zone --delegations "$delegations" ${edns:+--sign opt-out} --out "$dir/tw.zone" \
	--queries "$dir/queries" --count 500k >&2
if [ -n "$encrypted" ]; then
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
fi
for name in yushan $names; do
	case " yushan ${only:-$name} " in *" $name "*) "${name}_config" ;; esac
done

for mode in $modes; do
	list=yushan
	for name in $(peers "$mode"); do
		case " ${only:-$name} " in *" $name "*) list+=" $name" ;; esac
	done
	: >"$dir/results"
	for round in $(seq "$rounds"); do
		for name in $list; do
			echo "$mode, round $round: $name" >&2
			measure "$name"
		done
	done
	table
done
