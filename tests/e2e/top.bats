#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# `flowtally top` in a terminal, tmux's, and without one. The phone uploads most, the desktop less, the TV nothing.

load lib
bats_require_minimum_version 1.5.0

setup() {
	setup_lab 3
	write_config collectors='[]'
	# What a terminal can show depends on it.
	export LC_ALL=C.UTF-8
}

teardown() {
	if [[ -n ${WORK:-} && -S $WORK/tmux ]]; then
		terminal kill-server || :
	fi
	teardown_lab
}

# --- the terminal

terminal() {
	tmux -S "$WORK/tmux" -f /dev/null "$@"
}

# open_terminal COLUMNS LINES: with a shell in it
open_terminal() {
	terminal -u new-session -d -x "$1" -y "$2" "PS1='ready> ' exec sh"
	eventually 10 screen_has '^ready>$'
}

# open_top COLUMNS LINES [OPTION]...
open_top() {
	open_terminal "$1" "$2"
	shift 2
	type_line "$FLOWTALLY top -c $WORK/flowtally.yaml $*"
	eventually 10 screen_has '^DEVICE '
}

# keys KEY...: by the names that tmux has for them
keys() {
	terminal send-keys "$@"
}

type_line() {
	terminal send-keys -l "$1"
	terminal send-keys Enter
}

screen() {
	terminal capture-pane -p
}

screen_has() {
	screen | grep -qE -e "$1" || {
		screen
		return 1
	}
}

screen_lacks() {
	fails screen_has "$1"
}

# The first word of each row, in one line.
rows() {
	screen | awk '/^(DEVICE|ADDRESS|FAR END) / { rows = 1; next } rows && NF && !/^\? help/ { print $1 }' | xargs
}

rows_are() {
	same "$1" "$(rows)"
}

# --- traffic

# uploads NUMBER FRAMES_A_SECOND: of device NUMBER, packets of 1000 octets
uploads() {
	spawn "$(lab_device_name "$1")" "$WORK/flood-$1" "$TOOLS/flood" --seconds 120 --rate "$2" --size 972 \
		--device-mac "$(lab_device_mac "$1")" --device "$(lab_device_address "$1")" eth0
}

start_traffic() {
	start_agent
	# Each is known from the beginning.
	desktop ping -q -c 1 "$LAB_ROUTER"
	phone ping -q -c 1 "$LAB_ROUTER"
	lab_in "$LAB" tv ping -q -c 1 "$LAB_ROUTER"
	desktop ping -q -c 1 "$LAB_ROUTER6"
	uploads 1 100
	uploads 2 1000
	wait_sweeps
}

top_json() {
	"$FLOWTALLY" top -c "$WORK/flowtally.yaml" --once -o json "$@"
}

# --- in a terminal

@test "the busiest device comes first, whatever the column, and any order can be had" {
	start_traffic
	open_top 140 24
	eventually 20 rows_are "$PHONE $DESKTOP $TV"
	screen_has "^flowtally top  [0-9:]{8}  down .*bit/s  up .* Mbit/s  3 devices$"
	screen_has '^all interfaces, IPv4 and IPv6, by total over 2 s$'
	screen_has '^DEVICE .* INTERFACE .* DOWN 2s .* DOWN 10s .* DOWN 40s .* UP 2s .* UP 10s .* UP 40s  *DOWNLOAD  *UPLOAD$'
	keys n
	eventually 5 rows_are "$DESKTOP $PHONE $TV"
	screen_has 'by name'
	keys r
	eventually 5 rows_are "$TV $PHONE $DESKTOP"
	screen_has 'by name, reversed'
	keys u
	eventually 5 rows_are "$PHONE $DESKTOP $TV"
	keys U
	eventually 5 screen_has 'by volume of upload'
	rows_are "$PHONE $DESKTOP $TV"
	keys d 3
	eventually 5 screen_has 'by download over 40 s'
	keys '>'
	eventually 5 screen_has 'by upload over 2 s'
	keys '<' '<'
	eventually 5 screen_has 'by download over 10 s'
	keys t
	eventually 5 screen_has 'by total over 10 s'
}

@test "rates are in bits or in bytes, volumes in bytes, and each says so" {
	start_traffic
	open_top 140 24
	eventually 20 rate_of_phone_is '[0-9.]+ Mbit/s'
	keys b
	eventually 5 rate_of_phone_is '[0-9.]+ [kM]B/s'
	keys B
	eventually 5 rate_of_phone_is '[0-9.]+ KiB/s'
	screen_has "^$PHONE .* [0-9.]+ MiB$"
	keys B
	eventually 5 rate_of_phone_is '[0-9]{5,} B/s'
	keys B b
	eventually 5 rate_of_phone_is '[0-9.]+ Mbit/s'
	screen_has "^$PHONE .* [0-9.]+ MB$"
}

rate_of_phone_is() {
	screen_has "^$PHONE .* ($1) "
}

@test "the order can be frozen, and the picture paused" {
	local before

	start_traffic
	open_top 140 24
	eventually 20 rows_are "$PHONE $DESKTOP $TV"
	keys n o t
	eventually 5 rows_are "$PHONE $DESKTOP $TV"
	screen_has '^order frozen, all interfaces'
	uploads 3 3000
	eventually 20 screen_has "^$TV .* [0-9]{2}\.[0-9] Mbit/s "
	rows_are "$PHONE $DESKTOP $TV"
	keys o
	eventually 5 rows_are "$TV $PHONE $DESKTOP"
	keys Space
	eventually 5 screen_has '^paused, all interfaces'
	before=$(screen)
	# Two seconds of another one, and then some.
	top_json >/dev/null
	same "$before" "$(screen)"
	keys Space
	eventually 10 screen_differs "$before"
	screen_has '^all interfaces'
}

screen_differs() {
	[[ $(screen) != "$1" ]]
}

@test "rows can be filtered, by text, interface and family" {
	start_traffic
	open_top 140 24
	eventually 20 rows_are "$PHONE $DESKTOP $TV"
	keys / 0 0 : 0 2 x
	eventually 5 screen_has '^filter: 00:02x$'
	rows_are 'filter:'
	keys BSpace
	eventually 5 screen_has '^only "00:02", all interfaces'
	keys Enter
	eventually 5 rows_are "$PHONE"
	screen_has ' 1 of 3 devices'
	keys Escape
	eventually 5 rows_are "$PHONE $DESKTOP $TV"
	# By an address.
	keys / 2 . 1 2 Enter
	eventually 5 rows_are "$TV"
	keys / Escape
	eventually 5 rows_are "$PHONE $DESKTOP $TV"
	keys a
	eventually 5 screen_has 'IPv4 only'
	keys a
	eventually 5 screen_has 'IPv6 only'
	rows_are "$DESKTOP"
	keys a i
	eventually 5 screen_has '^br-lan, IPv4 and IPv6'
	keys i
	eventually 5 screen_has '^all interfaces, IPv4 and IPv6'
}

@test "a device opens into its addresses, and closes again" {
	start_traffic
	open_top 140 24
	eventually 20 rows_are "$PHONE $DESKTOP $TV"
	keys Down Down
	keys Enter
	eventually 5 screen_has '^ADDRESS  *SCOPE '
	screen_has "  addresses of $DESKTOP"
	rows | grep -qF "$(lab_device_address 1)"
	rows | grep -qF "$(lab_device_address6 1)"
	screen_has "^$(lab_device_address 1)  *internet .* [0-9.]+ [kM]bit/s"
	keys Escape
	eventually 5 rows_are "$PHONE $DESKTOP $TV"
	# The selection is where it was.
	keys Down Enter
	eventually 5 screen_has "addresses of $TV"
	keys Left
	eventually 5 rows_are "$PHONE $DESKTOP $TV"
}

meter_flows() {
	configure 200ms 'match: br-lan, side: lan, meter: [hosts, flows], flows-at: [entering, leaving]'
}

# Of the flows, the far ends in one line: what is sorted by name is in order.
far_ends() {
	screen | awk '/^FAR END / { rows = 1; next } rows && NF && !/^[?] help/ { print $1, $2 }' | xargs
}

far_ends_are() {
	same "$1" "$(far_ends)"
}

@test "a device opens into its flows, and these are sorted, filtered, frozen and paused like the rest" {
	local before near

	meter_flows
	start_traffic
	desktop ping -q -c 2 "$LAB_INTERNET6"
	phone ping -q -c 2 "$LAB_INTERNET6"
	open_top 160 24
	eventually 20 rows_are "$PHONE $DESKTOP $TV"
	keys Down Down f
	eventually 10 screen_has "  [0-9]+ flows of $DESKTOP"
	screen_has '^FAR END  *NEAR END  *DOWN 2s  *DOWN 10s  *DOWN 40s  *UP 2s .* DOWNLOAD  *UPLOAD$'
	near=$(lab_device_address 1)
	eventually 10 screen_has "^udp 198\.51\.100\.1:9  *$near:[0-9]+ .* [0-9.]+ kbit/s"
	screen_has "^icmp6 $LAB_INTERNET6  *$(lab_device_address6 1) "
	screen_has "^icmp $LAB_ROUTER  *$near "
	screen_lacks "$(lab_device_address 2)"
	keys n
	eventually 5 screen_has ' by name '
	eventually 5 far_ends_are "icmp $LAB_ROUTER icmp6 $LAB_ROUTER6 icmp6 $LAB_INTERNET6 $(udp_end)"
	# What is new comes last, until the order is let go.
	keys o
	eventually 5 screen_has '^order frozen'
	desktop ping -q -c 1 "$LAB_INTERNET"
	eventually 10 far_ends_are "icmp $LAB_ROUTER icmp6 $LAB_ROUTER6 icmp6 $LAB_INTERNET6 $(udp_end) icmp $LAB_INTERNET"
	keys o
	eventually 5 far_ends_are "icmp $LAB_ROUTER icmp $LAB_INTERNET icmp6 $LAB_ROUTER6 icmp6 $LAB_INTERNET6 $(udp_end)"
	keys U
	eventually 5 far_ends_are "$(udp_end) icmp6 $LAB_INTERNET6 icmp6 $LAB_ROUTER6 icmp $LAB_ROUTER icmp $LAB_INTERNET"
	keys / u d p Enter
	eventually 5 far_ends_are "$(udp_end)"
	screen_has '  1 flow of '
	keys / Escape
	keys a a
	eventually 5 far_ends_are "icmp6 $LAB_INTERNET6 icmp6 $LAB_ROUTER6"
	keys a
	keys Space
	eventually 5 screen_has '^paused'
	before=$(screen)
	top_json >/dev/null
	same "$before" "$(screen)"
	keys Space
	eventually 10 screen_differs "$before"
	keys f
	eventually 5 screen_has "  addresses of $DESKTOP"
	keys f
	eventually 5 screen_has "  [0-9]+ flows of $DESKTOP"
	keys Escape
	eventually 5 rows_are "$PHONE $DESKTOP $TV"
}

# The one flow of UDP: protocol, far end.
udp_end() {
	screen | awk '$1 == "udp" { print $1, $2 }'
}

@test "flows fit a narrow terminal, and any" {
	meter_flows
	start_traffic
	open_top 60 12
	eventually 20 rows_are "$PHONE $DESKTOP $TV"
	keys f
	eventually 10 screen_has '^FAR END  *DOWN 2s  *UP 2s$'
	eventually 10 screen_has "^udp 198\.51\.100\.1:9  *0 bit/s  *[0-9.]+ [kM]bit/s$"
	terminal resize-window -x 12 -y 2
	terminal resize-window -x 1 -y 1
	terminal resize-window -x 200 -y 5
	eventually 5 screen_has '^FAR END  *NEAR END  *DOWN 2s .* UPLOAD$'
	terminal resize-window -x 80 -y 24
	eventually 5 screen_has '^FAR END  *DOWN 2s  *DOWN 10s  *UP 2s$'
	screen_has "^udp 198\.51\.100\.1:9 "
}

@test "where no interface meters flows, it is said" {
	start_traffic
	open_top 100 12
	eventually 20 rows_are "$PHONE $DESKTOP $TV"
	keys f
	eventually 10 screen_has '^no interface meters flows '
	screen_has "  0 flows of $PHONE"
	keys f
	eventually 5 screen_has "  addresses of $PHONE"
}

@test "a narrow terminal has fewer columns, and one may change" {
	start_traffic
	open_top 60 12
	eventually 20 rows_are "$PHONE $DESKTOP $TV"
	screen_has '^DEVICE  *DOWN 2s  *DOWN 10s  *UP 2s$'
	screen_has '^[0-9:]{8}  down .* up .* 3 devices'
	terminal resize-window -x 130 -y 20
	eventually 5 screen_has '^DEVICE  *INTERFACE  *DOWN 2s .* UP 40s  *DOWNLOAD$'
	rows_are "$PHONE $DESKTOP $TV"
	terminal resize-window -x 50 -y 4
	eventually 5 screen_has '^DEVICE  *DOWN 2s  *UP 2s$'
	terminal resize-window -x 12 -y 2
	terminal resize-window -x 80 -y 24
	eventually 5 screen_has '^DEVICE  *DOWN 2s  *DOWN 10s  *UP 2s  *UP 10s$'
	rows_are "$PHONE $DESKTOP $TV"
}

@test "help names the keys, and quitting leaves the terminal as it was" {
	local settings

	start_traffic
	open_terminal 100 24
	type_line "stty -a >$WORK/before; echo stays here"
	eventually 5 screen_has '^stays here$'
	type_line "$FLOWTALLY top -c $WORK/flowtally.yaml; echo status: \$?; stty -a >$WORK/after"
	eventually 10 screen_has '^DEVICE '
	screen_lacks 'stays here'
	keys '?'
	eventually 5 screen_has '^  space, P  *pause, or go on$'
	screen_has '^  q  *quit$'
	keys x
	eventually 5 screen_has '^DEVICE '
	keys q
	eventually 5 screen_has '^status: 0$'
	screen_has '^stays here$'
	settings=$(cat "$WORK/before")
	same "$settings" "$(cat "$WORK/after")"
	type_line "$FLOWTALLY top -c $WORK/flowtally.yaml; echo again: \$?"
	eventually 10 screen_has '^DEVICE '
	keys C-c
	eventually 5 screen_has '^again: 0$'
	screen_has '^stays here$'
}

@test "help has room on a short terminal, too" {
	start_traffic
	open_top 100 14
	keys '?'
	eventually 5 screen_has '^any key: more'
	screen_has '^  space, P  *pause, or go on$'
	screen_lacks '^  q  *quit$'
	keys Space
	eventually 5 screen_has '^any key: back$'
	screen_has '^  q  *quit$'
	screen_lacks '^  space, P  *pause, or go on$'
	keys Space
	eventually 5 screen_has '^DEVICE '
	keys '?' Escape
	eventually 5 screen_has '^DEVICE '
	screen_lacks '^paused'
	keys '?'
	eventually 5 screen_has '^any key: more'
	terminal resize-window -x 100 -y 2
	keys Space
	terminal resize-window -x 100 -y 40
	eventually 5 screen_has '^any key: back$'
}

@test "colours are for those who have not refused them" {
	start_traffic
	open_top 100 24
	terminal capture-pane -p -e >"$WORK/plain"
	fails grep -qP '\e\[[0-9;]*3[0-7]' "$WORK/plain"
	grep -qP '\e\[1m' "$WORK/plain"
	keys q
	eventually 5 screen_lacks '^DEVICE '
	type_line "env -u NO_COLOR $FLOWTALLY top -c $WORK/flowtally.yaml"
	eventually 10 screen_has '^DEVICE '
	terminal capture-pane -p -e >"$WORK/coloured"
	grep -qP '\e\[[0-9;]*36' "$WORK/coloured"
}

@test "a terminal that cannot is refused with a word" {
	start_agent
	open_terminal 100 24
	type_line "TERM=dumb $FLOWTALLY top -c $WORK/flowtally.yaml; echo status: \$?"
	eventually 10 screen_has '^status: 1$'
	screen_has '^flowtally: top: TERM is "dumb": '
	type_line "clear; TERM=nonsense $FLOWTALLY top -c $WORK/flowtally.yaml; echo status: \$?"
	eventually 10 screen_has '^status: 1$'
	screen_has '^flowtally: top: TERM is "nonsense", which is not known here'
}

@test "an agent that goes away is said, keys are answered meanwhile, and it is found again" {
	start_traffic
	open_top 100 24
	eventually 20 rows_are "$PHONE $DESKTOP $TV"
	# It neither answers nor refuses.
	kill -STOP "$AGENT"
	wait_for_silence
	keys n
	eventually 3 rows_are "$DESKTOP $PHONE $TV"
	kill -CONT "$AGENT"
	eventually 20 screen_has '^flowtally top  [0-9:]{8}  down '
	stop_agent
	eventually 10 screen_has '^flowtally top  [0-9:]{8}  no agent is running '
	rows_are "$DESKTOP $PHONE $TV"
	start_agent
	eventually 20 screen_has '^flowtally top  [0-9:]{8}  down .* up .* Mbit/s'
}

# Longer than an answer may take.
wait_for_silence() {
	eventually 20 screen_has 'no answer within'
}

@test "names of strangers do nothing to the terminal" {
	local hostile=$'\e[2J\e[31mx\a"'

	router ip link add "$hostile" type bridge
	router ip link set desktop nomaster
	router ip link set desktop master "$hostile"
	router ip address add 192.168.7.1/24 dev "$hostile"
	router ip link set "$hostile" up
	configure 200ms 'match: "*x*", side: lan'
	start_agent
	desktop ip address add 192.168.7.2/24 dev eth0
	desktop ip route replace 192.168.7.1/32 dev eth0 src 192.168.7.2
	desktop ip neighbour del "$LAB_ROUTER" dev eth0
	eventually 5 desktop ping -q -c 1 -W 1 192.168.7.1
	wait_sweeps
	open_top 200 24
	eventually 20 rows_are "$DESKTOP"
	screen_has "^$DESKTOP  *.x1b\[2J.x1b"
	screen_has '^flowtally top'
	keys i
	eventually 5 screen_has '^.x1b\[2J.x1b\[31mx.x07", IPv4 and IPv6'
	top_json >"$WORK/top.json"
	fails grep -qP '[\x00-\x09\x0b-\x1f]' "$WORK/top.json"
	same '"\\x1b[2J\\x1b[31mx\\x07\""' "$(jq -c '.hosts[0].interface' "$WORK/top.json" | sed 's/\\\\/\\/g; s/\\x/\\\\x/g')"
}

# The names of devices, which strangers say: a title for the terminal, a cleared screen, markup, and marks
# that turn the direction of writing.
@test "names of devices do nothing to the terminal either" {
	local hostile='\e[2J\e]0;owned\a\xff\r\t<b>x</b> \xe2\x80\xaeexe.\xe2\x81\xa6fdp\xe2\x80\x8f'
	local harmless='\[2J\]0;owned.*<b>x</b> exe\.fdp'

	printf "config host\n\toption name '%b'\n\toption mac %s\n" "$hostile" "$DESKTOP" >"$WORK/dhcp"
	write_config collectors='[]' hosts="{ names: [{ uci: \"$WORK/dhcp\" }] }"
	start_traffic
	open_top 200 24
	eventually 20 screen_has "^$harmless"
	screen_has '^flowtally top'
	screen_has '^DEVICE '
	fails grep -q owned <<<"$(terminal display-message -p '#{pane_title}')"
	screen >"$WORK/screen"
	keys Enter
	eventually 5 screen_has '^ADDRESS '
	screen >>"$WORK/screen"
	keys Escape / f d p Enter
	eventually 5 screen_has '  1 of 3 devices'
	keys f
	eventually 5 screen_has "flows of $harmless"
	screen >>"$WORK/screen"
	top_json >"$WORK/top.json"
	"$FLOWTALLY" top -c "$WORK/flowtally.yaml" --once >"$WORK/top.txt"
	perl -CSD -ne 'die "$ARGV: $_" if /(?!\n)\p{C}/' "$WORK/screen" "$WORK/top.json" "$WORK/top.txt"
}

# --- without one

@test "once, as JSON, CSV and a table" {
	start_traffic
	top_json >"$WORK/top.json"
	same "[\"$PHONE\",\"$DESKTOP\",\"$TV\"]" "$(jq -c '[.hosts[].host]' "$WORK/top.json")"
	jq -e '
		def figures: (keys == ["octets", "octets_per_second_10s", "octets_per_second_2s",
			"octets_per_second_40s", "packets"]) and all(.[]; type == "number" and . == floor);
		.schema == 1 and (.time | test("^[0-9-]{10}T[0-9:]{8}\\.[0-9]{3}Z$")) and .measured_ms >= 1500 and
		(.total | (.download | figures) and (.upload | figures)) and
		all(.hosts[]; .interface == "br-lan" and .name == .host and
			(.download | figures) and (.upload | figures) and (.accounts | length > 0) and
			all(.accounts[]; has("address") and (.family | test("^ipv[46]$")) and
				(.scope | test("^(internet|local|router)$")) and
				(.download | figures) and (.upload | figures))) and
		.total.upload.octets == ([.hosts[].upload.octets] | add) and
		.hosts[0].upload.octets_per_second_2s > .hosts[1].upload.octets_per_second_2s and
		.hosts[1].upload.octets_per_second_2s > 0 and .hosts[2].upload.octets_per_second_2s == 0' "$WORK/top.json"
	same 1 "$(top_json -n 1 | jq '.hosts | length')"
	same 0 "$(top_json -n 0 | jq '.hosts | length')"
	same "[\"$TV\"]" "$(top_json --filter "$TV" | jq -c '[.hosts[].host]')"
	"$FLOWTALLY" top -c "$WORK/flowtally.yaml" --once -o csv -s name >"$WORK/top.csv"
	same 4 "$(wc -l <"$WORK/top.csv")"
	sed -n 2p "$WORK/top.csv" | grep -qE "^[0-9TZ:.-]+,$DESKTOP,$DESKTOP,br-lan(,[0-9]+){10}$"
	"$FLOWTALLY" top -c "$WORK/flowtally.yaml" --once --units iec --bytes >"$WORK/top.txt"
	sed -n 1p "$WORK/top.txt" | grep -qE '^[0-9:]{8}  down .*B/s  up [0-9.]+ (KiB|MiB)/s  3 of 3 devices$'
	sed -n 3p "$WORK/top.txt" | grep -qE "^$PHONE  br-lan .* [0-9.]+ KiB/s .* [0-9.]+ MiB$"
}

@test "at an interval, as often as is wanted" {
	start_traffic
	"$FLOWTALLY" top -c "$WORK/flowtally.yaml" --interval 1 --count 3 -o json >"$WORK/top.jsonl"
	same 3 "$(wc -l <"$WORK/top.jsonl")"
	same '[1,true]' "$(jq -sc '[(map(.schema) | unique[]), (map(.time) | . == sort and (unique | length) == 3)]' \
		"$WORK/top.jsonl")"
	# Whom nobody reads any more ends quietly.
	"$FLOWTALLY" top -c "$WORK/flowtally.yaml" --interval 1 2>"$WORK/errors" | head -n 3 >"$WORK/top.txt"
	same 3 "$(wc -l <"$WORK/top.txt")"
	same '' "$(cat "$WORK/errors")"
	"$FLOWTALLY" top -c "$WORK/flowtally.yaml" --interval 1 --count 2 -o csv >"$WORK/top.csv"
	same 7 "$(wc -l <"$WORK/top.csv")"
}

@test "without an agent, and with a wrong command line, it is one line" {
	run -1 --separate-stderr "$FLOWTALLY" top -c "$WORK/flowtally.yaml" --once -o json
	same '' "$output"
	# shellcheck disable=SC2154
	[[ $stderr == 'flowtally: top: no agent is running ('*')' ]]
	refuses '--output: "xml" is none of table, json, csv' -o xml
	refuses '--sort: "size" is none of total, download,' -s size
	refuses '--window: 5 is none of 2, 10, 40' -w 5
	refuses '--family: "ipx" is none of all, ipv4, ipv6' -f ipx
	refuses '--units: "GB" is none of si, iec, bytes' -u GB
	refuses '--interval: -1 is less than 0' --interval=-1
	refuses '--limit: -1 is less than 0' --limit=-1
	refuses 'unexpected argument: eth0' eth0
	start_agent
	open_terminal 120 10
	type_line "$FLOWTALLY top -r $WORK/nowhere; echo status: \$?"
	eventually 5 screen_has '^status: 1$'
	screen_has '^flowtally: top: no agent is running'
}

@test "volumes of other tables are in the units that are chosen, too" {
	local octets

	start_agent
	desktop "$TOOLS/flood" --frames 5000 --size 972 eth0 >/dev/null
	wait_sweeps
	octets=$(ask hosts -o json | jq '.hosts[0].upload.octets')
	((octets >= 5000000))
	ask hosts | grep -qE "^$DESKTOP .* 5\.0 MB "
	ask hosts --units iec | grep -qE "^$DESKTOP .* 4\.8 MiB "
	ask hosts --units bytes --by device | grep -qE "^$DESKTOP .* $octets B "
	run -2 --separate-stderr ask hosts --units GB
	[[ $stderr == 'flowtally: hosts: --units: "GB" is none of si, iec, bytes' ]]
}

# refuses ERROR OPTION...
refuses() {
	local error=$1

	shift
	run -2 --separate-stderr "$FLOWTALLY" top -c "$WORK/flowtally.yaml" "$@"
	[[ $stderr == "flowtally: top: $error"* ]] || {
		echo "$stderr"
		return 1
	}
}

@test "an agent that goes away ends what is printed" {
	start_traffic
	"$FLOWTALLY" top -c "$WORK/flowtally.yaml" --interval 1 >"$WORK/top.txt" 2>"$WORK/errors" 3>&- &
	local top=$!

	eventually 10 grep -q "^$PHONE" "$WORK/top.txt"
	stop_agent
	eventually 10 ended "$top"
	fails wait "$top"
	same 1 "$(wc -l <"$WORK/errors")"
	grep -q '^flowtally: top: no agent is running' "$WORK/errors"
}
