#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# As many packets as this machine can push, of 100,000 flows and 10,000 devices that change: what went in is what the
# interface counted, and what comes out of every output; full tables cost detail and no octet; and no frame is lost
# by being metered. LOAD_SECONDS says how long; 1 where nothing is said.
#
# Sums are "PACKETS OCTETS", octets being those of IP.
#
# shellcheck disable=SC2016  # the dollars are jq's

load lib
load transports

FLOWS=100000
DEVICES=10000
# Both are of two pours, one of IPv4 and one of IPv6.
POUR_FLOWS=$((FLOWS / 2 / SLOW))
POUR_DEVICES=$((DEVICES / 2 / SLOW))

setup() {
	setup_lab 2
	LOAD_SECONDS=${LOAD_SECONDS:-1}
	LISTENER=""
	POURS=()
	SCRAPER=""
	router ip address add 10.0.0.1/8 dev br-lan
	# Who is there hears it, and says nothing.
	router ip route add 198.18.0.0/15 via "$LAB_INTERNET"
	router ip route add 2001:db8:beef::/48 via "$LAB_INTERNET6"
	# The ends of the wires that frames are poured into.
	router ethtool -K desktop gro on
	router ethtool -K phone gro on
	"$TOOLS/pour" supported || skip "this kernel has no live frames"
}

teardown() {
	local pour

	for pour in "${POURS[@]}" $SCRAPER; do
		kill -TERM "$pour" 2>/dev/null || :
	done
	if [[ $LISTENER ]]; then
		stop_listener KILL
	fi
	teardown_lab
}

# --- traffic

# pour NODE OPTION...: its frames come from devices that there are none of but here
pour() {
	local node=$1

	shift
	spawn "$node" "$WORK/pour-$node.json" "$TOOLS/pour" --seconds "$LOAD_SECONDS" --flows "$POUR_FLOWS" \
		--devices "$POUR_DEVICES" --turnover 200 "$@" eth0
	POURS+=($!)
}

# Short ones from the desktop, long ones from the phone, to the internet, a CPU each.
start_pouring() {
	pour desktop --cpu 0 --device-mac 02:01:00:00:00:00 --device 10.1.0.0 --far 198.18.0.1
	pour phone --cpu $(($(nproc) - 1)) --ipv6 --device-mac 02:02:00:00:00:00 --device 2001:db8:ca2:2::1:0:0 \
		--far 2001:db8:beef::1 --size 900
}

stop_pouring() {
	local pour

	for pour in "${POURS[@]}"; do
		wait "$pour"
	done
	POURS=()
	cat "$WORK"/pour-*.json
}

# What went in, also with Ethernet headers.
poured() {
	jq -sr '"\(map(.frames) | add) \(map(.octets) | add)"' "$WORK"/pour-*.json
}

poured_frames() {
	jq -sc '{frames: map(.frames) | add, octets: map(.layer2_octets) | add}' "$WORK"/pour-*.json
}

# What two interfaces of the router have received, together.
received() {
	jq -sc 'map(.rx) | {frames: map(.frames) | add, octets: map(.octets) | add}' \
		<(interface_counters desktop) <(interface_counters phone)
}

difference() {
	jq -nc --argjson before "$1" --argjson after "$2" '$after | with_entries(.value -= $before[.key])'
}

# One a second, as Prometheus does it.
start_scraping() {
	# shellcheck disable=SC2016
	spawn router /dev/null bash -c 'while curl -sf http://127.0.0.1:14739/metrics -o "$1.new" && mv "$1.new" "$1"; do sleep 1; done' \
		bash "$WORK/scraped"
	SCRAPER=$!
}

# --- sums

# class_sum CLASSES FILTER: of what br-lan has received and that the filter selects, by jq from the name of the class
class_sum() {
	ask ledger -o json | jq -r '.sheets[] | select(.interface == "br-lan" and .direction == "receive").'"$1"' |
		to_entries | map(select(.key | '"$2"').value) | "\(map(.packets) | add) \(map(.octets) | add)"'
}

# What only somebody who is nobody's device sends, for the lab says a few things of its own.
hosts_seen() {
	class_sum classes 'IN("internet", "local", "mac-only", "address-limit", "device-limit")'
}

hosts_told() {
	ask hosts -o json | jq -r '[.hosts[].upload, (.overflow[] | .upload, .device_limit)] |
		"\(map(.packets) | add) \(map(.octets) | add)"'
}

accounts_told() {
	ask hosts -o json | jq -r '[.hosts[].accounts[].upload, (.overflow[] | .upload, .device_limit)] |
		"\(map(.packets) | add) \(map(.octets) | add)"'
}

# exposition FILE: devices with series of their own, and those without
exposition() {
	awk '
		/^flowtally_host_(upload|overflow)_packets_total/ { packets += $NF }
		/^flowtally_host_(upload|overflow)_bytes_total/ { octets += $NF }
		END { printf "%.0f %.0f\n", packets, octets }' "$1"
}

lines_told() {
	awk -v record="{\"record\":\"$1\"" '
		index($0, record) == 1 {
			match($0, /"packets":[0-9]+/)
			packets += substr($0, RSTART + 10, RLENGTH - 10)
			match($0, /"octets":[0-9]+/)
			octets += substr($0, RSTART + 9, RLENGTH - 9)
		}
		END { printf "%.0f %.0f\n", packets, octets }' "$WORK/lines.json"
}

# nfdump_told hosts|flows: what is of no protocol is of a host
nfdump_told() {
	nfdump -R "$WORK/nfcapd-4739" -q -N -A proto -o 'fmt:%pr %pkt %byt' | awk -v what="$1" '
		NF == 3 && ($1 == "0") == (what == "hosts") { packets += $2; octets += $3 }
		END { printf "%.0f %.0f\n", packets, octets }'
}

# Over UDP. What a collector had no time for is lost, and nobody can tell its sender; the collector misses it in the sequence.
nfdump_agrees() {
	local hosts flows

	hosts=$(nfdump_told hosts) flows=$(nfdump_told flows)
	if (($(router nstat -asz UdpRcvbufErrors | awk '/^Udp/ { print $2 }') == 0)); then
		same "$1; $2; 0" "$hosts; $flows; $(nfdump_sequence_errors)"
	else
		echo "# nfcapd was too slow: $hosts of $1 of hosts, $flows of $2 of flows" >&3
		((${hosts% *} <= ${1% *} && ${flows% *} <= ${2% *} && $(nfdump_sequence_errors) > 0))
	fi
}

# recorded FILE...: of strict sessions without a gap
recorded() {
	"$TOOLS/streams" "$@" | jq -sr 'if all(.missing == 0 and .cut == 0 and .fault == null) then . else error("\(.)") end |
		"\(map(.packets) | add) \(map(.octets) | add)"'
}

# plus SUM SUM, minus SUM SUM
plus() {
	echo "$((${1% *} + ${2% *})) $((${1#* } + ${2#* }))"
}

minus() {
	echo "$((${1% *} - ${2% *})) $((${1#* } - ${2#* }))"
}

# --- the agent

# start_load_agent HOSTS FLOWS: of which the tables have room
start_load_agent() {
	start_nfcapd 4739
	# Its buffer is a small one, and it is not to wait for who pours.
	chrt -f -p 1 "${COLLECTORS[0]}" || :
	start_record 4740
	start_tcp_collector 4741
	write_config interval=1s options='hook: auto, meter: [hosts, flows], flows-at: [entering]' \
		hosts="{ max: $1 }" collectors='[
			{ address: "127.0.0.1:4739", queue-mib: 512, rate-mib: 4 }, { address: "127.0.0.1:4740", records: [hosts, statistics] },
			{ address: "127.0.0.1:4741", transport: tcp, queue-mib: 512, records: [flows, statistics] }]'
	sed -i "s|^export:|export:\n  json-lines: [{ path: \"$WORK/lines.json\", records: [flows, hosts] }]|
		s|^  textfile:|  http: { listen: \"127.0.0.1:14739\" }\n&|" "$WORK/flowtally.yaml"
	echo "flows: { max: $2, active-timeout: 5s, idle-timeout: 5s }" >>"$WORK/flowtally.yaml"
	start_agent
}

# All flows have left, and all that was made of them has been sent.
all_is_told() {
	ask flush --all >/dev/null
	ask status -o json >"$WORK/status"
	same '[0,[0,0,0]]' "$(jq -c '[(.tables[] | select(.table == "flows").entries), [.collectors[].queued]]' "$WORK/status")"
}

told_in_exposition() {
	router curl -sf http://127.0.0.1:14739/metrics -o "$WORK/scraped"
	same "$1" "$(exposition "$WORK/scraped")"
}

# --- tests

@test "what goes in comes out of every output, under a load of all CPUs" {
	local before sent

	start_load_agent 262144 262144
	before=$(received)
	start_scraping
	start_pouring
	stop_pouring
	sent=$(poured)
	same "$(poured_frames)" "$(difference "$before" "$(received)")"
	kill -0 "$SCRAPER"
	wait_sweeps
	eventually 60 all_is_told
	ledger_balances
	same "$sent" "$(hosts_seen)"
	same "$sent" "$(class_sum flow_classes '. == "counted"')"
	same "$sent" "$(hosts_told)"
	same "$sent" "$(accounts_told)"
	same "$sent" "$(exposition "$WORK/flowtally.prom")"
	told_in_exposition "$sent"
	stop_agent
	stop_collectors
	same "$sent" "$(lines_told host)"
	same "$sent" "$(lines_told flow)"
	nfdump_agrees "$sent" "$sent"
	same "$sent" "$(recorded "$WORK/messages-4740")"
	same "$sent" "$(recorded "$WORK"/stream-4741-*)"
}

# Tables of a tenth of what there is.
@test "full tables lose detail and no octet, under a load of all CPUs" {
	local sent counted limit device_limit

	start_load_agent $((DEVICES / 10)) $((FLOWS / 10))
	start_pouring
	stop_pouring
	sent=$(poured)
	wait_sweeps
	eventually 60 all_is_told
	ledger_balances
	same "$sent" "$(hosts_seen)"
	same "$sent" "$(hosts_told)"
	same "$sent" "$(accounts_told)"
	same "$sent" "$(exposition "$WORK/flowtally.prom")"
	counted=$(class_sum flow_classes '. == "counted"')
	limit=$(class_sum flow_classes '. == "limit"')
	device_limit=$(class_sum classes '. == "device-limit"')
	same "$sent" "$(plus "$counted" "$limit")"
	# Of all that went in some found each of these.
	((${counted% *} > 0 && ${limit% *} > 0 && ${device_limit% *} > 0))
	[[ $(class_sum classes '. == "address-limit"') != 0* ]]
	same "${limit% *}" "$(awk '/^flowtally_flow_ledger_packets_total/ && /class="limit"/ { sum += $NF } END { printf "%.0f", sum }' \
		"$WORK/flowtally.prom")"
	stop_agent
	stop_collectors
	# Those that leave for others to have their room say so.
	grep -q '"end_reason":"lack_of_resources"' "$WORK/lines.json"
	same "$counted" "$(lines_told flow)"
	same "$counted" "$(recorded "$WORK"/stream-4741-*)"
	# Collectors are told all that the kernel's tables held.
	nfdump_agrees "$(minus "$sent" "$device_limit")" "$counted"
	same "$(minus "$sent" "$device_limit")" "$(recorded "$WORK/messages-4740")"
	same "$(minus "$sent" "$device_limit")" "$(lines_told host)"
}

# Of frames, for those with a VLAN tag count without it.
arrived() {
	node_counters phone rx | jq .frames
}

have_arrived() {
	same "$1" "$(arrived)"
}

# From another device, whatever else is on the wire: one round after the other as long as frames are poured.
send_all_shapes() {
	local shapes

	mapfile -t shapes < <("$TOOLS/frames" --list | cut -d ' ' -f 1)
	while kill -0 "${POURS[@]}" 2>/dev/null; do
		lab_in "$LAB" tv "$TOOLS/frames" --count 5 --source-mac 02:06:00:00:00:01 --destination-mac "$PHONE" eth0 "${shapes[@]}"
	done >"$WORK/shapes"
	jq -s '[.[].shapes[].frames] | add' "$WORK/shapes"
}

# Bridged, for what is no IP goes no further.
@test "no frame is dropped by being metered, whatever it is, under load" {
	local before shapes frames

	lab_add_device "$LAB" 3
	write_config interval=200ms match='~desktop|phone|tv' options='meter: [hosts, flows], flows-at: [entering, leaving]'
	start_agent
	before=$(arrived)
	pour desktop --device-mac 02:01:00:00:00:00 --device 10.1.0.0 --far 198.18.0.1 --router-mac "$PHONE"
	shapes=$(send_all_shapes)
	stop_pouring
	frames=$(jq .frames "$WORK/pour-desktop.json")
	echo "of all shapes: $shapes"
	((frames > 0 && shapes > 0))
	eventually 10 have_arrived $((before + frames + shapes))
	wait_sweeps
	ledger_balances
	# The meter has seen them all, as they came and as they left.
	same "$((frames + shapes))" "$(ask ledger -o json | jq '
		[.sheets[] | select(.direction == "receive" and .interface != "phone").seen.frames] | add')"
	same "$((frames + shapes))" "$(ask ledger -o json | jq '
		.sheets[] | select(.interface == "phone" and .direction == "transmit").seen.frames')"
}
