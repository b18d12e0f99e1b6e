# KNOTD=/path is a knotd to use instead of the installed one, which is too old for
# DoT and DoQ in Debian 12: they came with 3.4 and 3.3.

knot_config() {
	knotd=${KNOTD:-knotd}
	need "$knotd"
	local tls=
	if [ -n "$encrypted" ] && [ -n "${KNOTD:-}" ]; then # without, it takes part on udp and tcp only
		knot_encrypts || { echo "compare.sh: $("$knotd" --version) has no DoT: 3.4 does" >&2; exit 1; }
		tls="
  listen-tls: 127.0.0.1@$secure
  listen-quic: 127.0.0.1@$secure
  cert-file: $dir/cert.pem
  key-file: $dir/key.pem
  quic-max-clients: 4000"
	fi
	cat >"$dir/knot.conf" <<-END
		server:
		  listen: 127.0.0.1@$port$tls
		  rundir: "$dir"
		  udp-workers: 1
		  tcp-workers: 1
		  background-workers: 1
		  tcp-max-clients: 4000
		  tcp-idle-timeout: 60
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
}

knot_encrypts() {
	"$knotd" --version | awk '{split($NF, v, "."); exit !(v[1] > 3 || v[1] == 3 && v[2] >= 4)}'
}

knot_run() { exec "$knotd" -c "$dir/knot.conf"; }

knot_version() { "$knotd" --version | sed -n 1p; }
