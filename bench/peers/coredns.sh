# COREDNS=/path is a coredns to use instead of building one.

coredns_config() {
	local version=v1.15.0 cache=${XDG_CACHE_HOME:-$HOME/.cache}/yushan-bench
	coredns=${COREDNS:-$cache/coredns-$version}
	if [ ! -x "$coredns" ]; then
		[ -z "${COREDNS:-}" ] || need "$coredns"
		echo "building CoreDNS $version …" >&2
		GOBIN="$cache" go install "github.com/coredns/coredns@$version"
		mv "$cache/coredns" "$coredns"
	fi
	cat >"$dir/Corefile" <<-END
		(zone) {
		  bind 127.0.0.1
		  file $dir/tw.zone tw
		}
		dns://tw:$port {
		  import zone
		}
		quic://tw:$secure {
		  import zone
		  tls $dir/cert.pem $dir/key.pem
		  quic {
		    max_connections 4000
		  }
		}
		https3://tw:$web {
		  import zone
		  tls $dir/cert.pem $dir/key.pem
		  https3 {
		    max_connections 4000
		  }
		}
	END
}

coredns_run() { GOMAXPROCS=1 exec "$coredns" -quiet -conf "$dir/Corefile"; }

coredns_version() { "$coredns" -version | sed -n 1p; }
