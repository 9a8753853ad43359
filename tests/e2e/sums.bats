#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Accounts add up, under load and whatever happens to collectors: what was metered is what was made, which is what was
# sent, what waits and what was dropped; what was sent has been received; and where records are missing in a sequence, as
# many are counted.
#
# shellcheck disable=SC2016  # the dollars are those of jq, or for later
# shellcheck disable=SC2034  # variables are for sums.bash

load lib
load transports
load sums

setup() {
	setup_lab
	LISTENER=
	make_authority authority
	make_certificate collector authority DNS:localhost,IP:127.0.0.1
	make_certificate agent authority DNS:agent.example
}

teardown() {
	stop_load
	if [[ $LISTENER ]]; then
		stop_listener KILL
	fi
	teardown_lab
}

# --- connections

# receive TRANSPORT: at PORT
receive() {
	case $1 in
	udp) start_udp_collector ;;
	tcp) start_tcp_collector "$PORT" ,rcvbuf=4096 ;;
	tls) start_tls_collector "$PORT" OPENSSL-LISTEN collector ,rcvbuf=4096 ;;
	dtls) start_tls_collector "$PORT" OPENSSL-DTLS-SERVER ;;
	sctp) start_sctp_collector ;;
	esac
}

overflows() {
	eventually 120 is '$(account .dropped_for.queue.records) > '"$1"
}

# Nobody is there for longer than the queue lasts, then somebody who stops reading for longer than that.
stall_stream() {
	local transport=$1 before

	start_sums_agent
	under_load overflows 0
	eventually 60 all_is_made
	receive "$transport"
	eventually 90 is_open
	eventually 60 all_is_told
	eventually 60 stream_agrees
	# What was dropped before there was a session is no gap in it.
	before=$(account .dropped_for.queue.records)
	under_load stall "$before"
	eventually 60 all_is_told
	GAP=$(($(account .dropped_for.queue.records) - before))
	((GAP > 0))
	eventually 60 stream_agrees
	finish_sums stream_agrees
	same "$(account .made.records)" "$(($(received records) + $(account .dropped.records)))"
	same "$(account .made.octets)" "$(($(received octets) + $(account .dropped.octets)))"
}

stall() {
	stop_reading
	overflows "$1"
	read_on
}

# The network fails for a while, the collector is killed, and a connection reset.
break_stream() {
	local transport=$1

	receive "$transport"
	start_sums_agent
	eventually 30 is_open
	under_load fail_for_a_while
	eventually 90 all_is_told
	eventually 60 stream_agrees
	under_load kill_and_restart "$transport"
	eventually 90 all_is_told
	# But for the one that was killed, which had read all that counts as sent, sessions may break where this is slow.
	if (($(sessions) == SESSIONS + 1)); then
		eventually 60 has_surplus "$SURPLUS"
	fi
	eventually 60 stream_agrees
	if [[ $transport != sctp ]]; then
		under_load reset
		eventually 90 all_is_told
		eventually 60 stream_agrees
	fi
	finish_sums stream_agrees
	same "$(account .dropped.records)" "$(account .dropped_for.broken.records)"
}

has_surplus() {
	look && same "$1" "$(surplus)"
}

fail_for_a_while() {
	block
	wait_looks 4
	pass
}

reset() {
	faults "$(to_port 'reject with tcp reset')"
	eventually 30 is_away
	wait_looks 4
	pass
	eventually 60 is_open
}

# What counts as sent has been read when it is killed.
kill_and_restart() {
	block
	# What it has may still be acknowledged.
	wait_looks 4
	eventually 60 stream_agrees
	SURPLUS=$(surplus) SESSIONS=$(sessions)
	stop_listener KILL
	pass
	eventually 90 is_away
	wait_looks 4
	receive "$1"
	eventually 90 is_open
}

# kill_at_any_time TRANSPORT
kill_at_any_time() {
	for _ in 1 2 3; do
		stop_listener KILL
		receive "$1"
		wait_looks 3
	done
}

# What it has not read when it is killed nobody has, and nobody knows of it; more than counts as sent, or as broken, it
# never has.
stream_is_bounded() {
	look && same 0 "$(received missing)" && received_between 0 '$sent + $broken'
}

@test "over TCP, a collector that is killed at any time" {
	setup_sums tcp 4741 64 'tcp dport 4741'
	receive tcp
	start_sums_agent
	eventually 30 is_open
	under_load kill_at_any_time tcp
	eventually 90 all_is_told
	eventually 60 stream_is_bounded
	same "$(account .dropped.records)" "$(account .dropped_for.broken.records)"
	finish_sums stream_is_bounded
}

@test "over TCP, who is not there or does not read" {
	setup_sums tcp 4741 1 'tcp dport 4741'
	stall_stream tcp
}

@test "over TCP, a network that fails, a reset, and a collector that is killed" {
	setup_sums tcp 4741 64 'tcp dport 4741'
	break_stream tcp
}

@test "over TLS, who is not there or does not read" {
	setup_sums tls 4742 1 'tcp dport 4742' "$(tls)"
	stall_stream tls
}

@test "over TLS, a network that fails, a reset, and a collector that is killed" {
	setup_sums tls 4742 64 'tcp dport 4742' "$(tls)"
	break_stream tls
}

@test "over SCTP, who is not there or does not read" {
	has_sctp || skip "this kernel has no SCTP"
	setup_sums sctp 4743 1 'sctp dport 4743'
	stall_stream sctp
}

@test "over SCTP, a network that fails, and a collector that is killed" {
	has_sctp || skip "this kernel has no SCTP"
	setup_sums sctp 4743 64 'sctp dport 4743'
	break_stream sctp
}

# --- datagrams

# What arrives in one session of the agent's, whoever receives it, is in one file.
start_udp_collector() {
	spawn router "$WORK/listener-$PORT.log" setsid socat -u -b 65536 \
		"UDP4-RECV:$PORT,rcvbuf=212992" "OPEN:$WORK/stream-$PORT-$SESSION,creat,append"
	LISTENER=$!
	eventually 5 listens "$PORT"
}

overflow() {
	stop_reading
	eventually 120 is '$(overflown) > 0'
	read_on
}

fail_until_some_are_lost() {
	block
	eventually 60 is '$(counted blocked) > 10'
	pass
}

# Nobody listens until it is seen.
close_port() {
	block
	eventually 60 is_drained
	stop_listener KILL
	faults "$(to_port 'counter name closed')"
	eventually 60 is '$(jq ".collectors[0].errors.refused" "$WORK/status") > 0'
	block
	receive udp
	pass
}

# The kernel refuses what is sent, and there is no session, until it takes it again.
refuse() {
	eventually 60 is '$(account .dropped_for.send.records) > 0'
	stop_listener KILL
	SESSION=002
	receive udp
	pass
	wait_looks 2
}

@test "over UDP, who does not read, a network that fails, a closed port, a kernel that refuses" {
	SESSION=001
	setup_sums udp 4741 1 'udp dport 4741'
	receive udp
	start_sums_agent
	under_load overflow
	eventually 60 datagrams_agree_soon
	eventually 60 datagrams_are_found
	(($(received missing) > 0))
	under_load fail_until_some_are_lost
	eventually 60 datagrams_agree_soon
	under_load close_port
	eventually 60 datagrams_agree_soon
	eventually 60 datagrams_are_found
	faults "add rule inet faults output $MATCH drop"
	under_load refuse
	eventually 60 datagrams_agree_soon
	eventually 60 datagrams_are_found
	# What it has not read when it is killed is missing, too.
	under_load kill_at_any_time udp
	eventually 60 datagrams_agree_soon
	finish_sums datagrams_agree
	same "$(account .made.records)" \
		"$(($(received records) + $(received missing) + $(account .dropped_for.send.records)))"
}

# Of a session that ends nobody finds what was lost at its end, but where it was lost.
lose_the_session() {
	block
	eventually 60 is_drained
	stop_listener KILL
	faults "$(to_port 'counter name closed')"
	eventually 60 is_away
	datagrams_are_found
	TAIL=$(($(account .sent.records) - $(received records) - $(received missing)))
	pass
	receive dtls
	eventually 90 is_open
}

@test "over DTLS, who does not read, a network that fails, a collector that is killed" {
	# DTLS tells in the clear which of its datagrams are messages.
	setup_sums dtls 4742 64 'udp dport 4742 @th,64,8 23' "$(tls)"
	receive dtls
	start_sums_agent
	eventually 30 is_open
	under_load overflow
	eventually 60 datagrams_agree_soon
	eventually 60 datagrams_are_found
	(($(received missing) > 0))
	under_load fail_until_some_are_lost
	eventually 60 datagrams_agree_soon
	under_load lose_the_session
	eventually 60 datagrams_agree_soon
	eventually 60 datagrams_are_found
	finish_sums datagrams_agree
}
