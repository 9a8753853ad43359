#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What a collector cannot be sent waits on disk: over restarts, crashes and reloads all of it comes, in order, or is
# counted. The collector beside it gets everything at once, and is what it is compared with.

load lib
load transports

setup() {
	setup_lab
	LISTENER=
	SPOOL=$WORK/spool
}

teardown() {
	if [[ $LISTENER ]]; then
		stop_listener KILL
	fi
	teardown_lab
}

# write_spool_config [MAX-SIZE] [OPTION]...: options of the collector beside its spool
write_spool_config() {
	local max=${1:-64MiB} options='' option

	shift || :
	for option; do
		options+=", $option"
	done
	write_config hosts='{ max: 65536 }' \
		collectors="[{ address: \"127.0.0.1:4741\", transport: tcp, spool: { path: \"$SPOOL\", max-size: $max }$options },
		{ address: \"127.0.0.1:4740\" }]"
}

segments() {
	find "$SPOOL" -name '*.ipfix' | sort
}

reload() {
	kill -HUP "$AGENT"
	eventually 10 grep -q 'the configuration has been read again' "$WORK/agent.log"
}

# Sessions begin when the pause is over, which is longer each time.
comes_back() {
	start_tcp_collector
	eventually 90 all_is_sent
}

all_is_sent() {
	collector_is spooled 0 && collector_is queued 0 && collector_is state '"open"'
}

# Export times of data never go back; what is told as a session begins is of its own time.
is_in_order() {
	"$FLOWTALLY" ipfix dump -o json "$WORK/messages-4741" >"$WORK/dump"
	jq -s 'map(select(.octetDeltaCount) | .ipfix.exportTime) | . == sort and length > 2' <"$WORK/dump" | grep -qx true
}

# What the hosts have had, by the agent's account, and what came.
generated_is_received() {
	agrees_with_record 4741
	same "$1" "$(ipfix_sums 4741)"
	is_in_order
}

# packets FILE...: in messages that are not cut
packets() {
	"$TOOLS/streams" "$@" | jq -s 'map(.packets) | add'
}

@test "while the collector is away messages wait on disk, and a crash and a restart lose none" {
	local sums

	write_spool_config
	start_record
	start_agent
	traffic
	wait_sweeps
	(($(collector spooled) > 0))
	collector_is queued 0
	kill_agent
	start_agent
	traffic
	wait_sweeps
	stop_agent
	start_agent
	traffic
	wait_sweeps
	same 0 "$(collector dropped_records)"
	comes_back
	traffic
	wait_sweeps
	sums=$(hosts_sums)
	finish
	generated_is_received "$sums"
	arrives_by 4741 0
	sessions_are 1
	same 0 "$(jq '.collectors[0].dropped_records' <"$WORK/status")"
	same '' "$(segments)"
}

@test "a crash while it is sent repeats what it counts, and nothing is missing" {
	local generated received repeated

	write_spool_config 64MiB 'rate-mib: 1'
	start_record
	start_agent
	desktop "$TOOLS/flood" --frames 20000 --devices 20000 --device-mac 02:00:01:00:00:00 eth0 >/dev/null
	eventually 30 has_spooled 500
	start_tcp_collector
	eventually 60 some_is_sent
	kill_agent
	start_agent
	eventually 90 all_is_sent
	wait_sweeps
	generated=$(ask hosts -o json | jq '[.hosts[] | .download.packets + .upload.packets] | add')
	finish
	received=$(packets "$WORK"/stream-4741-*)
	repeated=$(jq '.collectors[0].repeated_packets' <"$WORK/status")
	echo "generated $generated, received $received, repeated at most $repeated"
	((received >= generated && received - generated <= repeated && repeated > 0))
	# What was sent since the account was last saved is said to be broken: it may have arrived.
	jq -e --argjson received "$received" --argjson repeated "$repeated" '.collectors[0].account | .dropped == .dropped_for.broken and
		.made.packets == .sent.packets + .dropped.packets and
		.sent.packets <= $received and $received <= .made.packets + $repeated' <"$WORK/status"
	same 0 "$(streams | jq -s 'map(.missing) | add')"
}

has_spooled() {
	(($(collector spooled) >= $1))
}

some_is_sent() {
	[[ $(collector state) == '"open"' ]] && (($(collector messages) > 10))
}

@test "other programs read what is in the spool" {
	local segment

	write_spool_config
	start_agent
	traffic
	wait_sweeps
	segment=$(segments)
	cp "$segment" "$WORK/messages-4741"
	stop_agent
	same 8400 "$("$FLOWTALLY" ipfix dump -o json "$WORK/messages-4741" | jq -s 'map(.octetDeltaCount // 0) | add')"
	same '{"02:00:00:00:00:01":{"download":{"octets":4200,"packets":50},"upload":{"octets":4200,"packets":50}}}' "$(ipfix_sums 4741)"
	same null "$("$TOOLS/streams" "$WORK/messages-4741" | jq .fault)"
	same 0 "$("$TOOLS/streams" "$WORK/messages-4741" | jq .missing)"
	same 640 "$(stat -c %a "$segment")"
}

@test "of a spool that is full the oldest go, and are counted" {
	write_spool_config 1MiB
	start_record
	start_agent
	eventually 60 flood_until_dropped
	(($(collector spooled_octets) <= 1048576))
	(($(segments | xargs du -cb | awk 'END { print $1 }') <= 1048576))
	same 1 "$(grep -c 'the spool is full: the oldest messages are dropped' "$WORK/agent.log")"
	comes_back
	finish
	same "$(packets "$WORK/messages-4740")" \
		"$(($(packets "$WORK"/stream-4741-*) + $(jq '.collectors[0].dropped_packets' <"$WORK/status")))"
	same 0 "$(streams | jq -s 'map(.missing) | add')"
	same 0 "$(jq '.collectors[1].dropped_records' <"$WORK/status")"
}

@test "who reads nothing for a while has all of it in the end" {
	write_spool_config 64MiB 'queue-mib: 1'
	start_record
	start_tcp_collector 4741 ,rcvbuf=4096
	start_agent
	traffic
	wait_sweeps
	eventually 10 nothing_waits
	kill -STOP -- "-$LISTENER"
	eventually 60 flood_until_spooled
	kill -CONT -- "-$LISTENER"
	eventually 90 all_is_sent
	finish
	agrees_with_record 4741
	arrives_by 4741 0
	sessions_are 1
	same 0 "$(jq '.collectors[0].dropped_records' <"$WORK/status")"
}

flood_until_spooled() {
	local before

	desktop "$TOOLS/flood" --frames 20000 --devices 20000 --device-mac 02:00:01:00:00:00 eth0 >/dev/null
	before=$(sweep_by_status)
	eventually 10 sweep_by_status_is_after "$before"
	has_spooled 1
}

@test "what was spooled before a reload comes with its own templates, in a session of its own" {
	local sums

	write_spool_config
	start_record
	start_agent
	traffic
	wait_sweeps
	write_spool_config 64MiB 'layer2-octets: true'
	reload
	traffic
	wait_sweeps
	comes_back
	traffic
	wait_sweeps
	sums=$(hosts_sums)
	finish
	generated_is_received "$sums"
	arrives_by 4741 0
	sessions_are 2
	same 0 "$(jq '.collectors[0].dropped_records' <"$WORK/status")"
}

@test "a disk that is full costs what comes then, and nobody else anything" {
	SPOOL=$WORK/disk/spool
	mkdir "$WORK/disk"
	mount -t tmpfs -o size=1m tmpfs "$WORK/disk"
	write_spool_config
	start_record
	start_agent
	eventually 60 flood_until_not_spooled
	same 1 "$(grep -c "spool $SPOOL.*No space left on device" "$WORK/agent.log")"
	comes_back
	traffic
	finish
	same "$(packets "$WORK/messages-4740")" \
		"$(($(packets "$WORK"/stream-4741-*) + $(jq '.collectors[0].dropped_packets' <"$WORK/status")))"
	same '[null]' "$(streams 4741 | jq -sc 'map(.fault) | unique')"
	same 0 "$(jq '.collectors[1].dropped_records' <"$WORK/status")"
}

flood_until_not_spooled() {
	local before

	desktop "$TOOLS/flood" --frames 20000 --devices 20000 --device-mac 02:00:01:00:00:00 eth0 >/dev/null
	before=$(sweep_by_status)
	eventually 10 sweep_by_status_is_after "$before"
	(($(collector errors.spool) > 0))
}

@test "where nothing can be written messages wait in memory, until it can" {
	SPOOL=$WORK/disk/spool
	mkdir "$WORK/disk"
	mount -t tmpfs -o ro tmpfs "$WORK/disk"
	write_spool_config
	start_record
	start_agent
	traffic
	wait_sweeps
	same 1 "$(grep -c "$SPOOL: Read-only file system" "$WORK/agent.log")"
	same 0 "$(collector spooled)"
	(($(collector queued) > 0))
	mount -o remount,rw "$WORK/disk"
	eventually 10 has_spooled 1
	same 0 "$(collector queued)"
	comes_back
	finish
	agrees_with_record 4741
	arrives_by 4741 0
	same 0 "$(jq '.collectors[0].dropped_records' <"$WORK/status")"
}

@test "what a crash of the machine has torn is cut off, said and counted" {
	local last

	write_spool_config
	start_record
	start_agent
	traffic
	wait_sweeps
	stop_agent
	last=$(segments | tail -n 1)
	truncate -s -5 "$last"
	start_agent
	wait_sweeps
	same 1 "$(grep -c "$last: its last message is not whole" "$WORK/agent.log")"
	same 1 "$(collector errors.spool)"
	comes_back
	finish
	same '[null]' "$(streams 4741 | jq -sc 'map(.fault) | unique')"
	same 0 "$(streams 4741 | jq -s 'map(.missing) | add')"
}

@test "status and metrics tell what is spooled" {
	write_spool_config
	start_agent
	traffic
	wait_sweeps
	grep -E '^flowtally_export_spool_messages\{collector="127.0.0.1:4741"\} [1-9]' <<<"$(ask metrics)"
	grep -E '^flowtally_export_spool_bytes\{collector="127.0.0.1:4741"\} [1-9]' <<<"$(ask metrics)"
	grep -Fx 'flowtally_export_spool_bytes{collector="127.0.0.1:4740"} 0' <<<"$(ask metrics)"
	ask status | grep -w SPOOLED
	comes_back
	eventually 10 has_metric 'flowtally_export_spool_bytes{collector="127.0.0.1:4741"} 0'
	stop_agent
}

has_metric() {
	ask metrics | grep -Fx "$1"
}
