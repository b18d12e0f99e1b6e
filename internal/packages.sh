#!/usr/bin/env bash
# packages.sh PACKAGE...: sees to it that Debian packages are there. As root on
# Debian it installs what is missing, without starting any service; elsewhere
# it names what is missing and fails.
set -euo pipefail

missing=()
for package in "$@"; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
	exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	echo "The tests need Debian packages that are not installed here:" >&2
	echo "    apt-get install ${missing[*]}" >&2
	exit 1
fi

echo "installing ${missing[*]}"
policy=/usr/sbin/policy-rc.d # a package's server must not start by being installed
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod +x $policy
	trap 'rm -f $policy' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
