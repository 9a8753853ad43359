# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the tests of `flowtally flows --packets` share, beside lib.bash.

# To be called by setup().
setup_packets() {
	setup_lab 1
	unset PRINTER
}

# To be called by teardown().
teardown_packets() {
	if [[ -n ${PRINTER:-} ]]; then
		kill -KILL "$PRINTER" 2>/dev/null || :
	fi
	ip netns del "$LAB-other" 2>/dev/null || :
	teardown_lab
}

# packets ARGUMENT...: in the background in the router, from the moment on at which both hooks are there
packets() {
	local before

	before=$(hooks br-lan)
	: >"$WORK/packets"
	lab_exec "$LAB" router "$FLOWTALLY" flows --packets "$@" >"$WORK/packets" 2>"$WORK/errors" </dev/null 3>&- &
	PRINTER=$!
	eventually 10 are_hooks $((before + 2))
}

# are_hooks_at INTERFACE N
are_hooks_at() {
	same "$2" "$(hooks "$1")"
}

# ends STATUS
ends() {
	local status=0

	eventually 10 ended "$PRINTER"
	wait "$PRINTER" || status=$?
	same "$1" "$status"
}

stop() {
	kill "-${1:-TERM}" "$PRINTER"
	ends 0
}

# lines_are N [PATTERN]
lines_are() {
	same "$1" "$(grep -cE "${2:-.}" "$WORK/packets" || :)"
}
