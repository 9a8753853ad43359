#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# TLS and DTLS to OpenSSL's and to GnuTLS' servers, which want certificates; and whatever may be wrong with those.

load lib
load transports

setup() {
	setup_lab
	LISTENER=
	make_authority authority
	make_certificate collector authority DNS:localhost,IP:127.0.0.1
	make_certificate agent authority DNS:agent.example
}

teardown() {
	if [[ $LISTENER ]]; then
		stop_listener KILL
	fi
	teardown_lab
}

# collectors TRANSPORT [TLS-MAPPING]: to port 4742, and one beside it that must not suffer
collectors() {
	echo "[{ address: \"127.0.0.1:4742\", transport: $1, ${2:-$(tls)} }, { address: \"127.0.0.1:4740\" }]"
}

# complains TEXT: the status of the first collector does, and the other one is fed
complains() {
	ask status -o json | jq -c '.collectors[] | [.last_error, .messages]'
	[[ $(collector last_error) == *"$1"* ]] && (($(collector messages 1) > 0))
}

@test "over TLS a collector has all there is, and so it is when it comes back" {
	write_config collectors="$(collectors tls)"
	start_record
	start_tls_collector
	start_agent
	traffic
	wait_sweeps
	eventually 10 nothing_waits
	stop_listener
	traffic
	wait_sweeps
	start_tls_collector
	eventually 30 collector_is state '"open"'
	traffic
	finish
	agrees_with_record 4742
	arrives_by 4742 0
	sessions_are 2 4742
}

@test "over DTLS a collector has all there is" {
	write_config collectors="$(collectors dtls)" ipfix='    template-refresh: 1s'
	start_record
	start_tls_collector 4742 OPENSSL-DTLS-SERVER
	start_agent
	eventually 10 collector_is state '"open"'
	traffic
	eventually 10 told_templates_again
	finish
	agrees_with_record 4742
	arrives_by 4742 0
	sessions_are 1 4742
}

told_templates_again() {
	(($(collector records) >= 12))
}

@test "messages over DTLS are as long as the path takes" {
	write_config collectors="$(collectors dtls)" ipfix='    message-size: 9000'
	router ip link set lo mtu 1400
	start_record
	start_tls_collector 4742 OPENSSL-DTLS-SERVER
	start_agent
	eventually 10 collector_is state '"open"'
	desktop "$TOOLS/flood" --frames 2000 --devices 2000 --device-mac 02:00:01:00:00:00 eth0
	wait_sweeps
	(($(collector max_message) < 1400 - 28 - 13))
	(($(collector max_message) > 1400 - 28 - 60))
	finish
	same 0 "$(jq '.collectors[0].dropped_records' <"$WORK/status")"
	arrives_by 4742 0
}

@test "openssl s_server, which insists on a certificate, has the messages" {
	write_config collectors="$(collectors tls)"
	start_record
	# It ends a session where its standard input ends.
	mkfifo "$WORK/never"
	# shellcheck disable=SC2016  # the dollars are the other shell's
	spawn router "$WORK/openssl.log" bash -c 'exec openssl s_server "${@:2}" <>"$1/never" >"$1/messages-4742"' \
		bash "$WORK" -accept 127.0.0.1:4742 -quiet -Verify 2 -verify_return_error \
		-cert "$WORK/collector.pem" -key "$WORK/collector.key" -CAfile "$WORK/authority.pem"
	local server=$!
	eventually 5 accepts 4742
	start_agent
	traffic
	finish
	kill "$server"
	same "$(ipfix_sums 4740)" "$(ipfix_sums 4742)"
}

@test "gnutls-serv takes sessions of TLS and of DTLS" {
	local transport options=(--port 4742 --echo --require-client-cert --x509cafile "$WORK/authority.pem"
		--x509certfile "$WORK/collector.pem" --x509keyfile "$WORK/collector.key")

	for transport in tls dtls; do
		write_config collectors="$(collectors $transport)"
		rm -rf "$WORK/state" "$WORK/messages-4740"
		mkdir "$WORK/state"
		start_record
		if [[ $transport == dtls ]]; then
			options+=(--udp)
		fi
		spawn router "$WORK/gnutls.log" gnutls-serv "${options[@]}"
		COLLECTORS+=($!)
		eventually 5 accepts_or_listens 4742
		start_agent
		eventually 10 collector_is state '"open"'
		traffic
		wait_sweeps
		eventually 10 nothing_waits
		same null "$(collector last_error)"
		same "$(collector records 1)" "$(collector records 0)"
		stop_agent
		stop_collectors
	done
}

@test "a collector whose certificate nobody vouches for gets nothing" {
	local transport

	make_authority stranger
	for transport in tls dtls; do
		write_config collectors="$(collectors $transport "$(tls ca=stranger)")"
		start_record
		start_tls_collector 4742 "$(kind_of $transport)"
		start_agent
		eventually 10 complains "the collector's certificate: "
		same 0 "$(collector sessions)"
		traffic
		wait_sweeps
		(($(collector queued) > 0))
		same 1 "$(grep -c 'collector 127.0.0.1:4742: ' "$WORK/agent.log")"
		stop_agent
		stop_listener
		stop_collectors
		same '' "$(cat "$WORK"/stream-4742-* 2>/dev/null)"
		rm -f "$WORK/agent.log" "$WORK"/stream-*
	done
}

kind_of() {
	if [[ $1 == tls ]]; then
		echo OPENSSL-LISTEN
	else
		echo OPENSSL-DTLS-SERVER
	fi
}

@test "a collector with another name gets nothing, but by the name that it has" {
	make_certificate other authority DNS:other.example
	write_config collectors="$(collectors tls)"
	start_record
	start_tls_collector 4742 OPENSSL-LISTEN other
	start_agent
	eventually 10 complains "does not match"
	write_config collectors="$(collectors tls "$(tls name=other.example)")"
	kill -HUP "$AGENT"
	eventually 10 collector_is state '"open"'
	wait_sweeps
	eventually 10 nothing_waits
	stop_agent
}

@test "a collector with an expired certificate gets nothing" {
	make_certificate collector authority DNS:localhost,IP:127.0.0.1 -days -1
	write_config collectors="$(collectors tls)"
	start_record
	start_tls_collector
	start_agent
	eventually 10 complains "expired"
	same 0 "$(collector sessions)"
	stop_agent
}

@test "that our certificate is refused is said, and nothing is lost" {
	local version

	make_authority stranger
	make_certificate agent stranger DNS:agent.example
	for version in 1.2 1.3; do
		write_config collectors="$(collectors tls)"
		start_record
		spawn router "$WORK/refusing.log" setsid socat -ls \
			"OPENSSL-LISTEN:4742,pf=ip4,reuseaddr,fork,openssl-min-proto-version=TLS$version,openssl-max-proto-version=TLS$version,cert=$WORK/collector.pem,key=$WORK/collector.key,cafile=$WORK/authority.pem,verify=1" \
			"SYSTEM:$ROOT/tests/e2e/keep_stream $WORK/stream-4742"
		LISTENER=$!
		eventually 5 accepts 4742
		start_agent
		eventually 10 complains "refused by the collector: "
		same 0 "$(collector sessions)"
		same 0 "$(collector records)"
		same 0 "$(collector dropped_records)"
		stop_agent
		stop_listener
		stop_collectors
		rm -rf "$WORK/state"
		mkdir "$WORK/state"
	done
}

@test "that our certificate has expired is a warning, and part of the refusal" {
	make_certificate agent authority DNS:agent.example -days -1
	write_config collectors="$(collectors tls)"
	run "$FLOWTALLY" check -c "$WORK/flowtally.yaml"
	same 0 "$status"
	[[ $output == *"warning: export.ipfix.collectors[0].tls.certificate: our certificate has expired at 20"* ]]
	start_record
	start_tls_collector
	start_agent
	eventually 10 complains "our certificate has expired at"
	grep 'tls.certificate: our certificate has expired at' "$WORK/agent.log"
	stop_agent
}

@test "who speaks no TLS is left after a while, and costs nobody anything" {
	write_config collectors="$(collectors tls)"
	start_record
	spawn router "$WORK/mute.log" setsid socat -ls TCP4-LISTEN:4742,reuseaddr,fork EXEC:'yes no'
	LISTENER=$!
	eventually 5 accepts 4742
	start_agent
	eventually 20 complains "handshake: "
	same 0 "$(collector sessions)"
	stop_agent
}

@test "a DTLS collector that is not there is said, and all waits for it" {
	write_config collectors="$(collectors dtls)"
	start_record
	start_agent
	traffic
	eventually 10 complains "refused"
	(($(collector queued) > 0))
	start_tls_collector 4742 OPENSSL-DTLS-SERVER
	eventually 60 collector_is state '"open"'
	traffic
	finish
	agrees_with_record 4742
	arrives_by 4742 0
}

@test "nothing that is secret is in the status, the metrics or the log" {
	local secret

	write_config collectors="$(collectors tls)"
	start_record
	start_tls_collector
	start_agent
	eventually 10 collector_is state '"open"'
	ask status -o json >"$WORK/shown"
	ask metrics >>"$WORK/shown"
	secret=$(sed -n 2p "$WORK/agent.key")
	fails grep -F -e "$secret" -e agent.key "$WORK/shown" "$WORK/agent.log"
	stop_agent
}
