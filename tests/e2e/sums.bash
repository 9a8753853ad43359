# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Traffic, faults and accounts: what the agent has made for a collector, PORT, whatever happens to that, is what the
# collector has received and what is counted as not sent. A second one, to which nothing happens, records at 4740 what
# there was to receive.
#
# shellcheck disable=SC2016  # the dollars are jq's

# setup_sums TRANSPORT PORT QUEUE-MIB MATCH [MORE]: MATCH is nft's for what is sent to PORT, MORE of the first collector's
# mapping. Both are told of hosts and flows.
setup_sums() {
	local ipfix=

	# What is missing last in the domain of options is found at the next refresh.
	if [[ $1 == udp || $1 == dtls ]]; then
		ipfix='    template-refresh: 5s'
	fi
	PORT=$2 MATCH=$4 GAP=0 TAIL=0 LOAD=
	write_config options='hook: auto, meter: [hosts, flows], flows-at: [entering]' \
		ipfix="$ipfix" hosts=$'{ max: 8192 }\nflows: { active-timeout: 1s, idle-timeout: 1s }' \
		collectors="[{ address: \"127.0.0.1:$2\", transport: $1, queue-mib: $3${5:+, $5} }, { address: \"127.0.0.1:4740\" }]"
	router nft -f - <<-END || skip "needs nf_tables"
		table inet faults {
			counter passed {}
			counter blocked {}
			counter closed {}
			chain input { type filter hook input priority 0; }
			chain output { type filter hook output priority 0; }
		}
	END
	pass
	start_record
}

start_sums_agent() {
	start_agent
	eventually 20 has_swept
}

has_swept() {
	[[ $(sweep_by_status) != null ]]
}

# --- traffic

# under_load COMMAND...: while hundreds of devices' addresses send to as many flows
under_load() {
	spawn desktop "$WORK/load.json" "$TOOLS/flood" --seconds 600 --rate $((SLOW > 1 ? 2000 : 4000)) --devices 30 \
		--addresses 20 --device-mac 02:00:01:00:00:00 eth0
	LOAD=$!
	wait_looks 2
	"$@"
	stop_load
}

stop_load() {
	if [[ ${LOAD:-} ]]; then
		kill -TERM "$LOAD"
		wait "$LOAD" || :
		LOAD=
	fi
}

# --- faults

# faults RULES: of nft in place of those before, at once
faults() {
	router nft -f - <<-END
		flush chain inet faults input
		flush chain inet faults output
		$1
	END
}

# to_port FATE: a rule on what is sent to PORT; MATCH says what it is
to_port() {
	echo "add rule inet faults input $MATCH $1"
}

# The network fails in silence, and what it swallows is counted.
block() {
	faults "$(to_port 'counter name blocked drop')"
}

pass() {
	faults "$(to_port 'counter name passed')"
}

# counted NAME: packets of a counter of nft
counted() {
	router nft -j list counter inet faults "$1" | jq '.nftables[] | .counter? // empty | .packets'
}

# What a full buffer of a receiver has cost, in datagrams.
overflown() {
	router cat /proc/net/snmp | awk '
		$1 == "Udp:" && !n { n = NF; for (i = 1; i <= NF; i++) name[i] = $i; next }
		$1 == "Udp:" { for (i = 1; i <= NF; i++) if (name[i] == "RcvbufErrors") print $i }'
}

stop_reading() {
	kill -STOP -- "-$LISTENER"
}

read_on() {
	kill -CONT -- "-$LISTENER"
}

# --- accounts

# look: at the agent, and at what its collector has received, to $WORK/status and $WORK/received. Whenever anybody looks,
# what has become of all that was made adds up to it.
look() {
	ask status -o json >"$WORK/status"
	streams "$PORT" | jq -s '
		["messages", "records", "flow_records", "octets", "packets", "missing"] as $members |
		. as $streams | [$members[] as $member | {($member): ([$streams[][$member]] | add // 0)}] | add' \
		>"$WORK/received"
	adds_up
}

adds_up() {
	jq -e 'all(.collectors[].account; . as $account |
		all("messages", "message_octets", "records", "flow_records", "packets", "octets"; . as $member |
			$account.made[$member] == ([$account | del(.made, .dropped_for)[] | .[$member]] | add) and
			$account.dropped[$member] == ([$account.dropped_for[][$member]] | add)))' "$WORK/status" >/dev/null || {
		echo "does not add up:"
		jq -c '.collectors[].account' "$WORK/status"
		return 1
	}
}

# account FILTER [INDEX]: of the last look, by jq
account() {
	jq ".collectors[${2:-0}].account | $1" "$WORK/status"
}

received() {
	jq ".$1" "$WORK/received"
}

# is EXPRESSION: of bash, in single quotes, by a look at this moment
is() {
	look || return 1
	echo "$(jq -c '.collectors[0].account' "$WORK/status") $(cat "$WORK/received")"
	eval "(($1))"
}

is_open() {
	look && same '"open"' "$(jq '.collectors[0].state' "$WORK/status")"
}

is_away() {
	look && [[ $(jq '.collectors[0].state' "$WORK/status") != '"open"' ]]
}

# wait_looks N: so many sweeps, and a look at each
wait_looks() {
	local n before

	for ((n = 0; n < $1; n++)); do
		before=$(sweep_by_status)
		eventually 20 sweep_by_status_is_after "$before"
		look
	done
}

# No flow is left that has not been reported.
all_is_made() {
	look && same 0 "$(jq '.tables[] | select(.table == "flows").entries' "$WORK/status")"
}

all_is_told() {
	all_is_made && same '[0,0]' "$(jq -c '[.collectors[].queued]' "$WORK/status")"
}

# Over a connection: what has arrived is what counts as sent, and GAP records, which were dropped in a session, are
# missing there. What was on its way when a session broke, and counts as broken, may have arrived, or not.
stream_agrees() {
	look && same "$GAP" "$(received missing)" && received_between '$sent' '$sent + $broken'
}

# What has arrived, and does not count as sent.
surplus() {
	jq -cn --slurpfile status "$WORK/status" --slurpfile received "$WORK/received" '
		[("messages", "records", "octets", "packets") as $member |
			$received[0][$member] - $status[0].collectors[0].account.sent[$member]]'
}

# sessions: that have been opened
sessions() {
	jq '.collectors[0].sessions' "$WORK/status"
}

# received_between LOW HIGH: in all units; by jq from $sent and $broken
received_between() {
	jq -en --slurpfile status "$WORK/status" --slurpfile received "$WORK/received" '
		$status[0].collectors[0].account as $account |
		all("messages", "records", "flow_records", "octets", "packets"; . as $member |
			$account.sent[$member] as $sent | $account.dropped_for.broken[$member] as $broken |
			$received[0][$member] | . >= ('"$1"') and . <= ('"$2"'))' >/dev/null || {
		jq -c '.collectors[0].account' "$WORK/status"
		jq -c . "$WORK/received"
		return 1
	}
}

# Over datagrams: what counts as sent has arrived, or is missing in its session, or, TAIL records, was at the end of one.
datagrams_agree() {
	look && same 0 "$(account .queued.messages)" &&
		same "$(($(account .sent.records) + $(account .dropped_for.queue.records)))" \
			"$(($(received records) + $(received missing) + TAIL))"
}

# What is missing at the end is found by what comes after: a packet is sent to be told of.
datagrams_agree_soon() {
	traffic 1
	wait_looks 2
	datagrams_agree
}

# The same in datagrams, each of which is a message, by what the kernel has seen of them: what it let in, and was not
# lost for want of room, has been received.
datagrams_are_found() {
	look && same "$(account .sent.messages)" "$(($(counted passed) + $(counted blocked) + $(counted closed)))" &&
		is_drained
}

is_drained() {
	look && same "$(counted passed)" "$(($(received messages) + $(overflown)))"
}

# What was made, for each, is what was metered; and the other one has received it.
check_what_was_made() {
	local metered

	metered=$(jq -cs '
		[(.[0].hosts[] | .download, .upload), .[1].sheets[].flow_classes.counted // empty] |
		{octets: (map(.octets) | add), packets: (map(.packets) | add)}' \
		<(ask hosts -o json) <(ask ledger -o json))
	look
	same "$metered" "$(account '.made | {octets, packets}' 0 | jq -c .)"
	same "$metered" "$(account '.made | {octets, packets}' 1 | jq -c .)"
	same "$metered" "$(account '.sent | {octets, packets}' 1 | jq -c .)"
	same "$(account .made.flow_records 1)" "$(account .made.flow_records 0)"
}

# The same, as people and Prometheus are told it.
other_forms_agree() {
	look &&
		same "$(account '[.made, .sent, .queued, .spooled, .moved, .dropped | .records] | join(" ")' | jq -r .)" "$(text_account records 3)" &&
		same "$(account '[.made, .sent, .queued, .spooled, .moved, .dropped | .octets] | join(" ")' | jq -r .)" "$(text_account traffic, 4)" &&
		metrics_agree records made_records_total records_total queued_records spool_records moved_records_total dropped_records_total &&
		metrics_agree octets made_traffic_bytes_total traffic_bytes_total queued_traffic_bytes spool_traffic_bytes \
			moved_traffic_bytes_total dropped_traffic_bytes_total
}

# text_account OF COLUMN: six columns from that one on
text_account() {
	ask status | awk -v collector="127.0.0.1:$PORT" -v of="$1" -v column="$2" '
		$1 == collector && $2 == of { print $column, $(column + 1), $(column + 2), $(column + 3), $(column + 4), $(column + 5) }'
}

# metrics_agree MEMBER METRIC...: those of what was made, sent, waits, is spooled, was moved and was dropped, whatever for
metrics_agree() {
	local member=$1 metric told=()

	ask metrics >"$WORK/metrics" || return 1
	shift
	for metric; do
		told+=("$(awk -F '[{ ]' -v name="flowtally_export_$metric" -v collector="collector=\"127.0.0.1:$PORT\"" '
			$1 == name && index($2, collector) { sum += $NF }
			END { printf "%.0f", sum }' "$WORK/metrics")")
	done
	same "$(account "[.made, .sent, .queued, .spooled, .moved, .dropped | .$member] | join(\" \")" | jq -r .)" "${told[*]}"
}

# The other one has received all of it, and missed nothing.
other_one_agrees() {
	look && same "$(account '.made | [.records, .packets, .octets, 0]' 1 | jq -c .)" \
		"$("$TOOLS/streams" "$WORK/messages-4740" | jq -c '[.records, .packets, .octets, .missing]')"
}

# finish_sums COMMAND...: which tells whether the sums agree. Nothing more is metered then, and nothing made of traffic; of
# options there may be more at any time, after a look or within it.
finish_sums() {
	local traffic='[.flow_records, .packets, .octets]'

	stop_load
	router ip link set br-lan down
	eventually 30 all_is_told
	check_what_was_made
	eventually 30 other_forms_agree
	eventually 30 other_one_agrees
	eventually 30 "$@"
	stop_agent
	stop_collectors
	same "$(jq -c "$traffic" "$WORK/received")" "$(streams "$PORT" | jq -sc "
		{flow_records: (map(.flow_records) | add), packets: (map(.packets) | add), octets: (map(.octets) | add)} | $traffic")"
	same "$(account ".made | $traffic" 1 | jq -c .)" \
		"$("$TOOLS/streams" "$WORK/messages-4740" | jq -c "$traffic")"
	same '[null]' "$({
		streams "$PORT"
		"$TOOLS/streams" "$WORK/messages-4740"
	} | jq -sc 'map(.fault) | unique')"
}
