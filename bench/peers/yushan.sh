# Budgets are far above what the load needs, here and for the peers: the
# transport is to be measured.

yushan_config() {
	cat >"$dir/yushan.yaml" <<-END
		listen: [127.0.0.1:$port]
		udp: {workers: 1}
		tcp: {max-connections-per-client: 4000, idle-timeout: 60s}
		zones: [{name: tw, file: $dir/tw.zone}]
	END
	[ -z "$encrypted" ] || cat >>"$dir/yushan.yaml" <<-END
		certificates: [{name: main, certificate-file: $dir/cert.pem, key-file: $dir/key.pem}]
		dot:
		  listen: [127.0.0.1:$secure]
		  max-connections-per-client: 4000
		  max-handshakes-per-second: 1000000
		  idle-timeout: 60s
		doh:
		  listen: [127.0.0.1:$web]
		  max-connections-per-client: 4000
		  max-handshakes-per-second: 1000000
		  idle-timeout: 60s
		  http3:
		    max-connections-per-client: 4000
		    max-handshakes-per-second: 1000000
		    max-streams: 256
		    idle-timeout: 60s
		doq:
		  listen: [127.0.0.1:$secure]
		  max-connections-per-client: 4000
		  max-handshakes-per-second: 1000000
		  max-streams: 256
		  idle-timeout: 60s
	END
}

# On UDP the one worker is enough of a limit, and other threads may load the zone.
yushan_run() {
	[ "$mode" = udp ] || export GOMAXPROCS=1
	exec "$dir/yushan" serve --config "$dir/yushan.yaml" --log-level error
}

yushan_version() { "$dir/yushan" version | sed -n 1p; }
