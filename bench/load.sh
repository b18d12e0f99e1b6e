# load.sh: the clients. Sourced by compare.sh.
#
# load MODE SECONDS sends queries and writes "sent answered opened resumed seconds"
# to standard output. Answered are those with NOERROR or NXDOMAIN.

load() {
	local handshakes="--clients 16 --depth 1 --concurrency 16 --handshake ${1#*-}"
	case $1 in
	udp | tcp | dot | doh | doh-get) "${client}_load" "$@" ;;
	doq) bench_load "$2" "$secure" --transport doq --clients 16 --depth 25 --concurrency 400 ;;
	doq-few) bench_load "$2" "$secure" --transport doq --clients 16 --depth 8 --concurrency 128 ;;
	doh3) bench_load "$2" "$web" --transport doh3 --clients 16 --depth 25 --concurrency 400 ;;
	dot-full | doq-full | dot-resumed | doq-resumed) bench_load "$2" "$secure" --transport "${1%-*}" $handshakes ;;
	esac
}

# yushan_bench_load asks as dnsperf_load does.
yushan_bench_load() {
	local flags="--clients 10 --depth 20 --concurrency 200"
	case $1 in
	udp | tcp) bench_load "$2" "$port" --transport "$1" $flags ;;
	dot) bench_load "$2" "$secure" --transport dot $flags ;;
	doh) bench_load "$2" "$web" --transport doh $flags ;;
	doh-get) bench_load "$2" "$web" --transport doh --get $flags ;;
	esac
}

# bench_load SECONDS PORT FLAG… is a closed loop of one thread's worth of clients. The file it
# reads has one figure on each line, and as many blanks before it as it is deep.
bench_load() {
	local seconds=$1 at=$2
	shift 2
	"$dir/yushan-bench" run --quiet --server "127.0.0.1:$at" --tls-group X25519 --tls-name localhost "$@" --workers 1 \
		--queries "$dir/queries" $edns --duration "${seconds}s" --json "$dir/load.json" >"$dir/load.err" 2>&1 || return
	awk -F '[ :,]+' '
		/^ "/ {part = $2}
		/^ "seconds"/ {seconds = $3}
		part == "\"total\"" && /^  "sent"/ {sent = $3}
		part == "\"total\"" && /^  "rcodes"/ {rcode = 0; next}
		part == "\"total\"" && /^   [0-9]/ {if (rcode == 0 || rcode == 3) answered += $2; rcode++}
		part == "\"connections\"" && /^  "opened"/ {opened = $3}
		part == "\"connections\"" && /^  "resumed"/ {resumed = $3}
		END {print sent + 0, answered + 0, opened + 0, resumed + 0, seconds + 0}' "$dir/load.json"
}

dnsperf_load() {
	local mode=$1 seconds=$2
	case $mode in
	udp | tcp) set -- -p "$port" -m "$mode" ;;
	dot) set -- -p "$secure" -m dot ;;
	doh) set -- -p "$web" -m doh -O doh-uri="https://localhost:$web/dns-query" -O doh-method=POST ;;
	doh-get) set -- -p "$web" -m doh -O doh-uri="https://localhost:$web/dns-query" -O doh-method=GET ;;
	esac
	dnsperf -s 127.0.0.1 "$@" -d "$dir/queries" $edns -c 10 -T 1 -q 200 -l "$seconds" >"$dir/load.out" 2>"$dir/load.err" || return
	awk '/Queries sent/ {sent = $3} /Run time/ {seconds = $4}
		/Response codes/ {for (i = 3; i < NF; i++) if ($i == "NOERROR" || $i == "NXDOMAIN") answered += $(i + 1)}
		END {print sent + 0, answered + 0, 0, 0, seconds + 0}' "$dir/load.out"
}
