nsd_config() {
	need nsd
	local tls=
	[ -z "$encrypted" ] || tls="
  ip-address: 127.0.0.1@$secure
  tls-port: $secure
  tls-service-key: $dir/key.pem
  tls-service-pem: $dir/cert.pem"
	cat >"$dir/nsd.conf" <<-END
		server:
		  ip-address: 127.0.0.1@$port$tls
		  server-count: 1
		  username: ""
		  zonesdir: "$dir"
		  database: ""
		  pidfile: "$dir/nsd.pid"
		  zonelistfile: "$dir/zone.list"
		  xfrdfile: "$dir/xfrd.state"
		  tcp-count: 4000
		  tcp-timeout: 60
		  rrl-ratelimit: 0
		  rrl-whitelist-ratelimit: 0
		remote-control:
		  control-enable: no
		zone:
		  name: tw
		  zonefile: tw.zone
	END
}

nsd_run() { exec nsd -d -c "$dir/nsd.conf"; }

nsd_version() { nsd -v 2>&1 | sed -n 1p; }
