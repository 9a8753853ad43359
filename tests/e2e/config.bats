#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Bad input gets one clear line each, from `flowtally check` and from the agent alike.

load lib

setup() {
	WORK=$BATS_TEST_TMPDIR
	CONFIG=$WORK/flowtally.yaml
	watch_reports
}

teardown() {
	there_are_no_reports
}

check() {
	run "$FLOWTALLY" check -c "$CONFIG"
}

# complains LINE KEY: the file is refused with exactly one line, about that key
complains() {
	check
	echo "$output"
	same 1 "$status"
	same 1 "${#lines[@]}"
	[[ ${lines[0]} == "$CONFIG:$1: $2: "?* ]]
}

@test "the sample is valid" {
	run "$FLOWTALLY" check -c "$ROOT/config/flowtally.yaml"
	same "0 $ROOT/config/flowtally.yaml: ok" "$status $output"
}

@test "an empty file is valid: all defaults" {
	: >"$CONFIG"
	check
	same 0 "$status"
}

@test "an unknown key is an error, wherever it is" {
	printf 'interval: 10s\nintervall: 10s\n' >"$CONFIG"
	complains 2 intervall
	printf 'hosts:\n  maximum: 5\n' >"$CONFIG"
	complains 2 hosts.maximum
	printf 'interfaces:\n  - match: eth0\n    sides: lan\n' >"$CONFIG"
	complains 3 'interfaces[0].sides'
	printf 'export:\n  ipfix:\n    collectors:\n      - { address: "127.0.0.1:1", port: 5 }\n' >"$CONFIG"
	complains 4 'export.ipfix.collectors[0].port'
}

@test "each key with a value of the wrong type or out of range is an error" {
	local line

	while IFS='|' read -r line key value; do
		printf '%b\n' "$value" >"$CONFIG"
		complains "$line" "$key" || {
			echo "for: $value"
			return 1
		}
	done <<-'END'
		1|interval|interval: soon
		1|interval|interval: 10
		1|interval|interval: -1s
		1|interval|interval: 0s
		1|interval|interval: [10s]
		1|interval|interval: { a: 1 }
		1|interval|interval: 99999999999999999999s
		1|interfaces|interfaces: eth0
		1|interfaces[0]|interfaces: [eth0]
		2|interfaces[0].match|interfaces:\n  - match: [eth0]
		2|interfaces[0].match|interfaces:\n  - match: ""
		3|interfaces[0].side|interfaces:\n  - match: eth0\n    side: left
		3|interfaces[0].meter|interfaces:\n  - match: eth0\n    meter: all
		3|interfaces[0].meter[1]|interfaces:\n  - match: eth0\n    meter: [hosts, flow]
		3|interfaces[0].flows-at|interfaces:\n  - match: eth0\n    flows-at: []
		3|interfaces[0].flows-at[0]|interfaces:\n  - match: eth0\n    flows-at: [egress]
		3|interfaces[0].alias|interfaces:\n  - match: eth0\n    alias: [a]
		1|hosts|hosts: 5
		1|hosts.max|hosts: { max: many }
		1|hosts.max|hosts: { max: 0 }
		1|hosts.max|hosts: { max: -5 }
		1|hosts.max|hosts: { max: 99999999999999999999 }
		1|hosts.local|hosts: { local: 192.168.2.0/24 }
		1|hosts.local[0]|hosts: { local: [192.168.2.0/33] }
		1|hosts.local[1]|hosts: { local: [192.168.2.0/24, 2001:db8::/129] }
		1|hosts.local[0]|hosts: { local: [example.org] }
		1|hosts.not-internet[0]|hosts: { not-internet: [10.0.0.0/8/8] }
		1|hosts.names|hosts: { names: { hosts: /etc/hosts } }
		1|hosts.names[0]|hosts: { names: [/etc/hosts] }
		1|hosts.names[0]|hosts: { names: [{ hosts: /etc/hosts, ethers: /etc/ethers }] }
		1|hosts.names[0].nis|hosts: { names: [{ nis: /etc/nis }] }
		2|hosts.names[0].hosts|hosts:\n  names: [{ hosts: hosts }]
		4|hosts.names[0].static|hosts:\n  names:\n  - static:\n      desktop: 02:00:00:00:00:01
		5|hosts.names[0].static.02:00:00:00:00:02|hosts:\n  names:\n  - static:\n      02:00:00:00:00:01: a\n      02:00:00:00:00:02: " a"
		1|hosts.vendors|hosts: { vendors: none }
		1|flows|flows: true
		1|flows.max|flows: { max: 0 }
		1|flows.max|flows: { max: 16777217 }
		1|flows.active-timeout|flows: { active-timeout: 60 }
		1|flows.idle-timeout|flows: { idle-timeout: 0s }
		1|flows.finished-timeout|flows: { finished-timeout: 2d }
		1|flows.key|flows: { key: [] }
		1|flows.key[1]|flows: { key: [addresses, port] }
		1|flows.routing|flows: { routing: 1 }
		1|flows.sampling|flows: { sampling: 1 }
		1|metrics.max-flows|metrics: { max-flows: 65537 }
		1|metrics.max-flows|metrics: { max-flows: all }
		1|metrics.compat[1]|metrics: { compat: [packet-exporter, linux_flow_exporter] }
		1|export|export: none
		2|export.ipfix|export:\n  ipfix: 5
		3|export.ipfix.observation-domain|export:\n  ipfix:\n    observation-domain: one
		3|export.ipfix.observation-domain|export:\n  ipfix:\n    observation-domain: 4294967296
		3|export.ipfix.enterprise-number|export:\n  ipfix:\n    enterprise-number: -1
		3|export.ipfix.template-refresh|export:\n  ipfix:\n    template-refresh: 301s
		3|export.ipfix.message-size|export:\n  ipfix:\n    message-size: 95
		3|export.ipfix.message-size|export:\n  ipfix:\n    message-size: 70000
		3|export.ipfix.collectors|export:\n  ipfix:\n    collectors: "127.0.0.1:4739"
		3|export.ipfix.groups[0].collectors|export:\n  ipfix:\n    groups: [{ mode: hash }]
		3|export.ipfix.groups[0].collectors|export:\n  ipfix:\n    groups: [{ mode: hash, collectors: [] }]
		3|export.ipfix.groups[0].mode|export:\n  ipfix:\n    groups: [{ mode: any, collectors: [{ address: "127.0.0.1:4739" }] }]
		3|export.ipfix.groups[0].collectors[0].tls.key|export:\n  ipfix:\n    groups: [{ collectors: [{ address: "127.0.0.1:4739", transport: tls, tls: { certificate: /a } }] }]
		3|export.ipfix.groups[0].collectors[0].transport|export:\n  ipfix:\n    groups: [{ collectors: [{ address: "127.0.0.1:4739", transport: tls }] }]
		3|export.ipfix.groups[0]|export:\n  ipfix:\n    groups: [{ mode: hash, collectors: [{ address: "127.0.0.1:4739" }, { address: "127.0.0.1:4739", transport: tcp }] }]
		3|export.ipfix.collectors[0].address|export:\n  ipfix:\n    collectors: [{ address: "127.0.0.1" }]
		3|export.ipfix.collectors[0].address|export:\n  ipfix:\n    collectors: [{ address: "127.0.0.1:0" }]
		3|export.ipfix.collectors[0].address|export:\n  ipfix:\n    collectors: [{ address: "127.0.0.1:65536" }]
		3|export.ipfix.collectors[0].address|export:\n  ipfix:\n    collectors: [{ address: "collector..example:4739" }]
		3|export.ipfix.collectors[0].address|export:\n  ipfix:\n    collectors: [{ address: "collector.example:0" }]
		3|export.ipfix.collectors[0].address|export:\n  ipfix:\n    collectors: [{ address: "192.0.2.256:4739" }]
		3|export.ipfix.collectors[0].local|export:\n  ipfix:\n    collectors: [{ address: "127.0.0.1:4739", local: eth0 }]
		3|export.ipfix.collectors[0].local|export:\n  ipfix:\n    collectors: [{ address: "127.0.0.1:4739", local: "127.0.0.1:0" }]
		3|export.ipfix.collectors[0].queue-mib|export:\n  ipfix:\n    collectors: [{ address: "127.0.0.1:4739", queue-mib: 0 }]
		3|export.ipfix.collectors[0].rate-mib|export:\n  ipfix:\n    collectors: [{ address: "127.0.0.1:4739", rate-mib: fast }]
		3|export.ipfix.collectors[0].spool.path|export:\n  ipfix:\n    collectors: [{ address: "127.0.0.1:4739", spool: { path: /tmp/spool } }]
		3|export.ipfix.collectors[0].spool.path|export:\n  ipfix:\n    collectors: [{ address: "127.0.0.1:4739", transport: tcp, spool: { path: /dev/null/spool } }]
		3|export.ipfix.collectors[0].spool.max-size|export:\n  ipfix:\n    collectors: [{ address: "127.0.0.1:4739", transport: tcp, spool: { path: /tmp/spool, max-size: 1GB } }]
		3|export.ipfix.collectors[0].transport|export:\n  ipfix:\n    collectors: [{ address: "127.0.0.1:4739", transport: tls }]
		3|export.ipfix.collectors[0].tls.key|export:\n  ipfix:\n    collectors: [{ address: "127.0.0.1:4739", transport: tls, tls: { certificate: /a } }]
		3|export.ipfix.collectors[0].tls.certificate|export:\n  ipfix:\n    collectors: [{ address: "127.0.0.1:4739", transport: tls, tls: { certificate: a, key: /b } }]
		3|export.ipfix.collectors[0].tls.name|export:\n  ipfix:\n    collectors: [{ address: "127.0.0.1:4739", transport: tls, tls: { certificate: /a, key: /b, name: "a b" } }]
		3|export.ipfix.collectors[0].transport|export:\n  ipfix:\n    collectors: [{ address: "127.0.0.1:4739", transport: pigeon }]
		3|export.ipfix.collectors[0].records|export:\n  ipfix:\n    collectors: [{ address: "127.0.0.1:4739", records: everything }]
		3|export.ipfix.collectors[0].enterprise|export:\n  ipfix:\n    collectors: [{ address: "127.0.0.1:4739", enterprise: some }]
		3|export.ipfix.collectors[0].flow-times|export:\n  ipfix:\n    collectors: [{ address: "127.0.0.1:4739", flow-times: microseconds }]
		3|export.ipfix.collectors[0].biflow|export:\n  ipfix:\n    collectors: [{ address: "127.0.0.1:4739", biflow: both }]
		2|export.textfile|export:\n  textfile: /tmp/x.prom
		2|export.textfile.path|export:\n  textfile: { path: [] }
		1|state|state: [a]
		1|run|run: { a: b }
	END
}

# tls_config FILE...: of ca, certificate and key, in this order, a line each from line 4 on
tls_config() {
	printf 'export:\n  ipfix:\n    collectors:\n      - address: "127.0.0.1:4739"\n        transport: %s\n' "${4:-tls}"
	printf '        tls:\n          ca: %s\n          certificate: %s\n          key: %s\n' "$1" "$2" "$3"
}

@test "certificates and keys that are none, or not of each other, are errors with their lines" {
	local collector='export.ipfix.collectors[0]' name

	for name in a b; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$name" \
			-keyout "$WORK/$name.key" -out "$WORK/$name.pem" 2>/dev/null
	done
	echo nonsense >"$WORK/nonsense"
	: >"$WORK/empty"
	tls_config "$WORK/a.pem" "$WORK/a.pem" "$WORK/a.key" >"$CONFIG"
	check
	same 0 "$status"
	tls_config "$WORK/nowhere" "$WORK/a.pem" "$WORK/a.key" >"$CONFIG"
	complains 7 "$collector.tls.ca"
	tls_config "$WORK/nonsense" "$WORK/a.pem" "$WORK/a.key" >"$CONFIG"
	complains 7 "$collector.tls.ca"
	tls_config "$WORK/a.pem" "$WORK/nowhere" "$WORK/a.key" >"$CONFIG"
	complains 8 "$collector.tls.certificate"
	tls_config "$WORK/a.pem" "$WORK/empty" "$WORK/a.key" >"$CONFIG"
	complains 8 "$collector.tls.certificate"
	tls_config "$WORK/a.pem" "$WORK" "$WORK/a.key" >"$CONFIG"
	complains 8 "$collector.tls.certificate"
	tls_config "$WORK/a.pem" "$WORK/a.pem" "$WORK/nonsense" >"$CONFIG"
	complains 9 "$collector.tls.key"
	tls_config "$WORK/a.pem" "$WORK/a.pem" "$WORK/b.key" >"$CONFIG"
	complains 9 "$collector.tls.key"
	tls_config "$WORK/a.pem" "$WORK/a.pem" "$WORK/a.key" tcp >"$CONFIG"
	complains 8 "$collector.tls"
}

@test "every fault is said, in the order of the file" {
	printf 'interval: soon\nrun: [a]\nnonsense: 1\n' >"$CONFIG"
	check
	echo "$output"
	same 1 "$status"
	same 3 "${#lines[@]}"
	[[ ${lines[0]} == "$CONFIG:1: interval: "* ]]
	[[ ${lines[1]} == "$CONFIG:2: run: "* ]]
	[[ ${lines[2]} == "$CONFIG:3: nonsense: "* ]]
}

@test "what is no YAML is said with its line" {
	printf 'interval: 10s\nhosts: { max: 5\n' >"$CONFIG"
	check
	echo "$output"
	same 1 "$status"
	same 1 "${#lines[@]}"
	[[ ${lines[0]} == "$CONFIG:"[23]": "* ]]
	head -c 1000 /dev/urandom >"$CONFIG"
	check
	same 1 "$status"
	same 1 "${#lines[@]}"
	printf 'interval: 10s\ninterval: 20s\n' >"$CONFIG"
	complains 2 interval
}

@test "a file that is not there or cannot be read is one line" {
	local file

	for file in "$WORK/nowhere.yaml" "$WORK"; do
		run "$FLOWTALLY" check -c "$file"
		echo "$output"
		same 1 "$status"
		same 1 "${#lines[@]}"
		[[ $output == *"$file: "* ]]
	done
}

@test "the agent refuses what the check refuses, with the same line" {
	if ((EUID != 0)); then
		skip "needs root"
	fi
	printf 'run: "%s/run"\nstate: "%s/state"\nnonsense: 1\n' "$WORK" "$WORK" >"$CONFIG"
	run "$FLOWTALLY" agent -c "$CONFIG"
	echo "$output"
	same 1 "$status"
	same 1 "${#lines[@]}"
	[[ ${lines[0]} == *"$CONFIG:3: nonsense: "* ]]
	[[ ! -e $WORK/run ]]
}

@test "without privileges the agent says so in one line" {
	if ((EUID != 0)); then
		skip "needs root"
	fi
	chmod 777 "$WORK"
	printf 'interfaces: [{ match: lo }]\nrun: "%s/run"\nstate: "%s/state"\n' "$WORK" "$WORK" >"$CONFIG"
	run setpriv --reuid=nobody --regid=nogroup --clear-groups --bounding-set=-all "$FLOWTALLY" agent -c "$CONFIG"
	echo "$output"
	same 1 "$status"
	same 1 "${#lines[@]}"
	[[ $output == *"Operation not permitted"* || $output == *"Permission denied"* ]]
}

@test "wrong usage is status 2 and says how" {
	run "$FLOWTALLY" nonsense
	same 2 "$status"
	run "$FLOWTALLY"
	same 2 "$status"
	run "$FLOWTALLY" hosts --nonsense
	same 2 "$status"
	run "$FLOWTALLY" hosts -o xml
	same 2 "$status"
}

@test "each subcommand that the help names helps, too, and takes no word that it does not know" {
	local name names

	names=$("$FLOWTALLY" help | awk '/^  / { print $1 }')
	[[ $names == *version* ]]
	for name in $names; do
		echo "$name"
		"$FLOWTALLY" "$name" --help | grep -q flowtally
		run "$FLOWTALLY" "$name" --nonsense
		same 2 "$status"
	done
	run "$FLOWTALLY" version nonsense
	same 2 "$status"
	[[ $("$FLOWTALLY" --version) == "flowtally $(sed -n 's/^VERSION := //p' "$ROOT/Makefile") (libbpf "* ]]
}

@test "asking where no agent runs is one line" {
	run "$FLOWTALLY" hosts -r "$WORK"
	echo "$output"
	same 1 "$status"
	same 1 "${#lines[@]}"
	[[ $output == "flowtally: "* ]]
}
