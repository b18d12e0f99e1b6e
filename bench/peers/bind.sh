bind_config() {
	need named
	cat >"$dir/named.conf" <<-END
		tls main { cert-file "$dir/cert.pem"; key-file "$dir/key.pem"; session-tickets yes; };
		http main { endpoints { "/dns-query"; }; listener-clients 0; streams-per-connection 0; };
		options {
		  directory "$dir";
		  pid-file none;
		  lock-file none;
		  session-keyfile "$dir/session.key";
		  managed-keys-directory "$dir";
		  listen-on port $port { 127.0.0.1; };
		  listen-on port $secure tls main { 127.0.0.1; };
		  listen-on port $web tls main http main { 127.0.0.1; };
		  listen-on-v6 { none; };
		  recursion no;
		  allow-transfer { none; };
		  notify no;
		  dnssec-validation no;
		  empty-zones-enable no;
		  minimal-responses yes;
		  answer-cookie no;
		  check-integrity no;
		  tcp-clients 4000;
		  tcp-idle-timeout 600;
		};
		controls { };
		zone tw { type primary; file "$dir/tw.zone"; masterfile-format text; check-names ignore; };
	END
}

bind_run() { exec named -n 1 -U 1 -f -c "$dir/named.conf"; }

bind_version() { named -v; }
