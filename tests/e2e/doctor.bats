#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What the doctor finds, with more and with less to find.

load lib

setup() {
	if ((EUID != 0)); then
		skip "needs root"
	fi
	WORK=$BATS_TEST_TMPDIR
	printf 'run: %s/run\nstate: %s/state\n' "$WORK" "$WORK" >"$WORK/flowtally.yaml"
	chmod -R a+rX "$BATS_RUN_TMPDIR"
}

# doctor_as CAPABILITIES [ARGUMENT]...: as nobody, with these
doctor_as() {
	local capabilities=$1

	shift
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps="${capabilities:--all}" \
		--ambient-caps="${capabilities:--all}" --bounding-set="-all${capabilities:+,$capabilities}" \
		"$FLOWTALLY" doctor -c "$WORK/flowtally.yaml" "$@"
}

# state_of CHECK, of the JSON in standard input
state_of() {
	jq -r --arg check "$1" '.checks[] | select(.check == $check).state'
}

@test "as root all that is required is valid, and nothing is left behind" {
	local before

	before=$(bpftool -j map show | jq length)
	"$FLOWTALLY" doctor -c "$WORK/flowtally.yaml" -o json >"$WORK/found"
	jq -e '.fit and ([.checks[] | select(.required and .state != "VALID")] == [])' "$WORK/found"
	same VALID "$(state_of clsact <"$WORK/found")"
	same VALID "$(state_of namespaces <"$WORK/found")"
	eventually 5 no_more_maps_than "$before"
	[[ ! -e $WORK/run ]]
}

no_more_maps_than() {
	(($(bpftool -j map show | jq length) <= $1))
}

@test "without capabilities it says which are missing, and exits with 1" {
	local status=0

	doctor_as '' -o json >"$WORK/found" || status=$?
	same 1 "$status"
	same false "$(jq .fit "$WORK/found")"
	same INVALID "$(state_of capabilities <"$WORK/found")"
	same 'CAP_BPF, CAP_NET_ADMIN: not there' "$(jq -r '.checks[] | select(.check == "capabilities").found' "$WORK/found")"
	same 'make the map host_table: needs CAP_BPF' "$(jq -r '.checks[] | select(.check == "maps").found' "$WORK/found")"
	same VALID "$(state_of kernel <"$WORK/found")"
}

@test "each state is a word of its own in the table, under the old name, too" {
	"$FLOWTALLY" dependency-check -c "$WORK/flowtally.yaml" >"$WORK/table"
	grep -Eq '^kernel +VALID ' "$WORK/table"
	echo 'nonsense: 1' >>"$WORK/flowtally.yaml"
	fails "$FLOWTALLY" dependency-check -c "$WORK/flowtally.yaml" >"$WORK/table"
	grep -Eq '^configuration +INVALID +it has errors: see flowtally check +the agent does not start$' "$WORK/table"
}

@test "interfaces that see the same packets are found before they are metered" {
	setup_lab 1
	router "$FLOWTALLY" doctor -c "$WORK/flowtally.yaml" -o json >"$WORK/found"
	same INVALID "$(state_of interfaces <"$WORK/found")"
	same 'br-lan and desktop (bridge-port)' "$(jq -r '.checks[] | select(.check == "interfaces").found' "$WORK/found")"
	echo 'interfaces: [{ match: br-lan }]' >>"$WORK/flowtally.yaml"
	router "$FLOWTALLY" doctor -c "$WORK/flowtally.yaml" -o json >"$WORK/found"
	same VALID "$(state_of interfaces <"$WORK/found")"
}

teardown() {
	teardown_lab
}

@test "what is asked wrongly is an error of usage" {
	local status=0

	"$FLOWTALLY" doctor -o xml 2>"$WORK/error" || status=$?
	same 2 "$status"
	same 'flowtally: doctor: --output: "xml" is none of table, json' "$(cat "$WORK/error")"
}
