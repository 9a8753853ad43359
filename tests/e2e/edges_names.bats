#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Names of interfaces and namespaces that mean harm, as whoever is root in a container gives them, and of devices in CSV; those of devices
# in other outputs are in names.bats.

load lib

setup() {
	setup_lab 1
	# An octet that is no UTF-8, one that a terminal obeys, a quote and a backslash: the kernel has nothing against them.
	EVIL=$'\e[2J\a"\\{\xff}\x7f'
	lab_ip "$LAB" router link add "$EVIL" type veth peer name peer7
	lab_ip "$LAB" router link set "$EVIL" up
	lab_ip "$LAB" router link set peer7 up
}

teardown() {
	teardown_lab
}

# without_controls FILE...: UTF-8, and nothing that a terminal obeys
without_controls() {
	local file

	for file; do
		iconv -f UTF-8 -t UTF-8 "$file" >/dev/null
		perl -CSD -ne 'die "$ARGV: $_" if /(?!\n)\p{C}/' "$file"
	done
}

@test "no name of an interface does any harm, whatever the output" {
	local what

	write_config match='*' collectors='[]'
	printf '  json-lines:\n    - { path: "%s", records: [hosts] }\n' "$WORK/lines" >"$WORK/lines.yaml"
	sed -i "/^export:/r $WORK/lines.yaml" "$WORK/flowtally.yaml"
	start_agent
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET" >/dev/null
	wait_sweeps
	for what in hosts flows ledger; do
		ask "$what" >"$WORK/$what.table"
		ask "$what" -o csv >"$WORK/$what.csv"
		ask "$what" -o json >"$WORK/$what.json"
		jq . "$WORK/$what.json" >/dev/null
	done
	ask status >"$WORK/status.table"
	ask status -o json >"$WORK/status.json"
	jq -e '.interfaces | length >= 2' "$WORK/status.json" >/dev/null
	ask metrics >"$WORK/metrics"
	promtool check metrics <"$WORK/metrics"
	promtool check metrics <"$WORK/flowtally.prom"
	ask top --interval 1 --count 2 >"$WORK/top"
	cp "$WORK/flowtally.prom" "$WORK/textfile"
	stop_agent
	without_controls "$WORK"/*.table "$WORK"/*.csv "$WORK"/*.json "$WORK/metrics" "$WORK/textfile" "$WORK/top" \
		"$WORK/agent.log" "$WORK/lines"
	jq . "$WORK/lines" >/dev/null
	# It was there: its name has come out in another form.
	grep -q '2J' "$WORK/ledger.table"
	grep -q '2J' "$WORK/metrics"
}

# As a DHCP client may call itself.
@test "a device whose name is a formula has none in CSV" {
	write_config collectors='[]' hosts="{ names: [{ dnsmasq: \"$WORK/leases\" }] }"
	# shellcheck disable=SC2016  # so it is
	echo "0 $DESKTOP 192.168.2.10 =HYPERLINK(0) *" >"$WORK/leases"
	start_agent
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET" >/dev/null
	wait_sweeps
	same '=HYPERLINK(0)' "$(ask hosts -o json | jq -r '.hosts[0].name')"
	ask hosts -o csv | grep -q ",'=HYPERLINK(0),"
	fails grep -qE '(^|,)[=@+-][^,]' <(ask hosts -o csv)
}
