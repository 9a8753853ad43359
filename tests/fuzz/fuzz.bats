# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Each parser of what strangers send, with the inputs of tests/fuzz/seeds and so many changes of them, the same ones each
# time: what an input can do to it beyond an error, the sanitizers and the fuzzers' own promises see. `make fuzz` searches on.

setup() {
	cd "$BATS_TEST_DIRNAME" || return
}

# fuzz NAME RUNS
fuzz() {
	"$BUILD/tests/fuzz/$1" -runs="$2" -seed=1 -max_len=16384 -timeout=60 -rss_limit_mb=2048 -verbosity=0 \
		-artifact_prefix="$BATS_TEST_TMPDIR/" "$BATS_TEST_TMPDIR" "seeds/$1" || {
		base64 "$BATS_TEST_TMPDIR"/{crash,leak,timeout,oom}-* 2>/dev/null
		false
	}
}

@test "configurations: ours, linux-flow-exporter's, and that of the web" {
	fuzz config 10000
}

@test "files with names, of all kinds" {
	fuzz names 100000
}

@test "filter expressions" {
	fuzz filter 50000
}

@test "requests to the control socket" {
	fuzz control 50000
}

@test "requests to the process with capabilities, by an agent that was taken over" {
	fuzz broker 20000
}

@test "requests by HTTP" {
	fuzz http 50000
}

@test "IPFIX, as a stream and as datagrams" {
	fuzz ipfix 5000
}

@test "records in YAML, and the IPFIX that becomes of them" {
	fuzz records 20000
}

@test "the file of sums" {
	fuzz totals 200000
}

@test "what is in a spool" {
	fuzz spool 20000
}
