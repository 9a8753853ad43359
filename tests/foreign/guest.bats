#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The agent and the tests that need a kernel, on another CPU: on a machine of its own that runs tests/foreign/guest,
# and what came of it is judged here. To be run by tests/foreign/cross.

load ../e2e/lib

TESTS=(meter_test link_ip_test differential_test)
# To load a program takes seconds on an emulated CPU of 32 bits, and these load many.
if [[ $CPU != armhf ]]; then
	TESTS+=(cache_test capabilities_test)
fi

setup_file() {
	local build=build-$CPU

	"$ROOT/tests/foreign/run" "$CPU" bash tests/foreign/guest misc/lab/lab.bash "$build"/{flowtally,tests/tools/record} \
		"${TESTS[@]/#/$build/tests/bpf/}" >"$BATS_FILE_TMPDIR/results.tar"
	tar -C "$BATS_FILE_TMPDIR" -xf "$BATS_FILE_TMPDIR/results.tar"
}

setup() {
	WORK=$BATS_FILE_TMPDIR
}

# What the functions of tests/e2e/lib.bash ask the agent, it has been asked there.
ask() {
	cat "$WORK/$1.json"
}

# passes TEST: one of TESTS
passes() {
	[[ " ${TESTS[*]} " == *" $1 "* ]] || skip "takes too long on this CPU"
	grep -v '^ok' "$WORK/$1.tap"
	grep -q '^ok' "$WORK/$1.tap"
	same 0 "$(cat "$WORK/$1.status")"
}

# Of 3 echoes by IPv4 and 2 by IPv6, each with 8 octets of ICMP and 56 more.
@test "the counts are exact, in every output" {
	local traffic="{\"octets\":$((3 * 84 + 2 * 104)),\"packets\":5}"
	local expected="{\"$DESKTOP\":{\"download\":$traffic,\"upload\":$traffic}}"

	same "$expected" "$(hosts_sums)"
	same "$expected" "$(ipfix_sums)"
}

# "DIRECTION MAC ADDRESS OCTETS PACKETS" a line, the addresses of IPv6 as ipfixDump writes them.
@test "a collector learns of either family who it was" {
	local address6=2001:0db8:0ca2:0002::0010

	ipfix_records | jq -r 'select(.octetDeltaCount) |
		.address = (.sourceIPv4Address // .sourceIPv6Address // .destinationIPv4Address // .destinationIPv6Address) |
		"\(.flowDirection) \(.hostMacAddress) \(.address) \(.octetDeltaCount) \(.packetDeltaCount)"' |
		awk '
			{
				octets[$1 " " $2 " " $3] += $4
				packets[$1 " " $2 " " $3] += $5
			}
			END {
				for (host in octets) {
					print host, octets[host], packets[host]
				}
			}' | sort >"$WORK/records"
	diff - "$WORK/records" <<-END
		0 $DESKTOP 192.168.2.10 252 3
		0 $DESKTOP $address6 208 2
		1 $DESKTOP 192.168.2.10 252 3
		1 $DESKTOP $address6 208 2
	END
}

# frames rx|tx: of the bridge, by the kernel's count, while the agent ran
frames() {
	jq -s "map(.[0].stats64.$1.packets) | .[1] - .[0]" "$WORK/link-before.json" "$WORK/link.json"
}

@test "the ledger balances, and agrees with what the kernel has counted" {
	ledger_balances
	same 5 "$(ledger receive .seen.frames)"
	same 5 "$(frames rx)"
	same 5 "$(ledger transmit .seen.frames)"
	same 5 "$(frames tx)"
}

@test "hooks and pins are gone when the agent has ended" {
	same '' "$(cat "$WORK/left")"
}

@test "the classifier counts each frame as it should" {
	passes meter_test
	passes link_ip_test
}

@test "the classifier and a reference are of one mind about random frames" {
	passes differential_test
}

@test "the tables are read without loss" {
	passes cache_test
}

@test "programs load with the capabilities that are documented" {
	passes capabilities_test
}
