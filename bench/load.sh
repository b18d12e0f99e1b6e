# load.sh: the clients. Sourced by compare.sh.
#
# load MODE SECONDS sends queries and writes "sent answered opened resumed seconds"
# to standard output.

load() {
	case $1 in
	udp | tcp) dnsperf_load "$2" -p "$port" -m "$1" ;;
	dot) dnsperf_load "$2" -p "$secure" -m dot ;;
	doh) dnsperf_load "$2" -p "$web" -m doh -O doh-uri="https://localhost:$web/dns-query" -O doh-method=POST ;;
	doh-get) dnsperf_load "$2" -p "$web" -m doh -O doh-uri="https://localhost:$web/dns-query" -O doh-method=GET ;;
	doq) encload "$2" -m doq -s "127.0.0.1:$secure" -c 16 -q 25 ;;
	doq-few) encload "$2" -m doq -s "127.0.0.1:$secure" -c 16 -q 8 ;;
	doh3) encload "$2" -m doh3 -s "127.0.0.1:$web" -c 16 -q 25 ;;
	dot-full | doq-full | dot-resumed | doq-resumed)
		encload "$2" -m "${1%-*}" -s "127.0.0.1:$secure" -c 16 -handshakes "${1#*-}" ;;
	esac
}

dnsperf_load() {
	local seconds=$1
	shift
	dnsperf -s 127.0.0.1 "$@" -d "$dir/queries" $edns -c 10 -T 1 -q 200 -l "$seconds" >"$dir/load.out" 2>"$dir/load.err" || return
	awk '/Queries sent/ {sent = $3} /Run time/ {seconds = $4}
		/Response codes/ {for (i = 3; i < NF; i++) if ($i == "NOERROR" || $i == "NXDOMAIN") answered += $(i + 1)}
		END {print sent + 0, answered + 0, 0, 0, seconds + 0}' "$dir/load.out"
}

encload() {
	local seconds=$1
	shift
	"$dir/encload" "$@" -d "$dir/queries" $edns -l "${seconds}s" >"$dir/load.out" 2>"$dir/load.err" || return
	awk '{of[$1] = $2} END {print of["sent"], of["answered"], of["opened"], of["resumed"], of["seconds"]}' "$dir/load.out"
}
