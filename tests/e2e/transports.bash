# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Collectors that take connections, in the router: what comes over each session is in a file of its own,
# $WORK/stream-PORT-NUMBER, in the order in which they began.

# start_tcp_collector [PORT] [SOCAT-OPTIONS] [PEER]: by socat, which is killed with its children by stop_listener
start_tcp_collector() {
	local port=${1:-4741} options=${2:-} listen=${3:-TCP4-LISTEN}

	spawn router "$WORK/listener-$port.log" setsid socat -ls \
		"$listen:$port,reuseaddr,fork$options" "SYSTEM:$ROOT/tests/e2e/keep_stream $WORK/stream-$port"
	LISTENER=$!
	eventually 5 accepts "$port"
}

accepts() {
	router cat /proc/net/tcp /proc/net/tcp6 | grep -qi "$(printf ':%04X 0\{8,32\}:0000 0A' "$1")"
}

# stop_listener [SIGNAL]: and all of its children
stop_listener() {
	# Its children last: who notices their end must not find a listener that only seems to be there.
	kill "-${1:-KILL}" "$LISTENER"
	wait "$LISTENER" 2>/dev/null || :
	kill "-${1:-KILL}" -- "-$LISTENER" 2>/dev/null || :
}

# streams [PORT]: what is in the sessions, a JSON object a line
streams() {
	"$TOOLS/streams" "$WORK/stream-${1:-4741}"-* 2>/dev/null
}

sessions_are() {
	same "$1" "$(find "$WORK" -name "stream-${2:-4741}-*" | wc -l)"
}

# collector MEMBER [INDEX]: of the agent's status
collector() {
	ask status -o json | jq -c ".collectors[${2:-0}].$1"
}

collector_is() {
	same "$2" "$(collector "$1" "${3:-0}")"
}

# All that was made has arrived, by the agent's account and by the collector's files.
nothing_waits() {
	collector_is queued 0 "${1:-0}"
}

# received_records [PORT]: of all sessions
received_records() {
	streams "$@" | jq -s 'map(.records) | add // 0'
}

# traffic [PACKETS]: from the desktop, and as many answers
traffic() {
	desktop ping -q -c "${1:-50}" -i 0.002 192.168.2.1 >/dev/null
}

# What the file of port $1 has is what the other collector got.
agrees_with_record() {
	local port=$1

	cat "$WORK/stream-$port"-* >"$WORK/messages-$port"
	same "$(ipfix_sums 4740)" "$(ipfix_sums "$port")"
}

# arrives_by PORT INDEX: what the agent has sent in all to that collector is what is in the files, in order
arrives_by() {
	local sent

	sent=$(jq ".collectors[$2].records" <"$WORK/status")
	streams "$1"
	same "$sent" "$(received_records "$1")"
	same 0 "$(streams "$1" | jq -s 'map(.missing) | add')"
	same '[null]' "$(streams "$1" | jq -sc 'map(.fault) | unique')"
}

# With the last report, which is of all there is. Status is asked for when all has arrived.
finish() {
	wait_sweeps
	eventually 10 nothing_waits "${1:-0}"
	ask status -o json >"$WORK/status"
	stop_agent
	stop_collectors
}

# flood_until_dropped [HOSTS]: each packet is from a host of its own. Lists of so many hosts are not asked for.
flood_until_dropped() {
	local hosts=${1:-20000} before

	desktop "$TOOLS/flood" --frames "$hosts" --devices "$hosts" --device-mac 02:00:01:00:00:00 eth0 >/dev/null
	before=$(sweep_by_status)
	eventually 10 sweep_by_status_is_after "$before"
	(($(collector errors.queue) > 0))
}

sweep_by_status() {
	ask status -o json | jq -r .last_sweep
}

sweep_by_status_is_after() {
	[[ $(sweep_by_status) > $1 ]]
}

# make_authority NAME: $WORK/NAME.pem and .key
make_authority() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
		-keyout "$WORK/$1.key" -out "$WORK/$1.pem" 2>/dev/null
}

# make_certificate NAME AUTHORITY SUBJECT-ALTERNATIVE-NAME [OPTION]...: with the options of "openssl x509"
make_certificate() {
	local name=$1 authority=$2 alternative=$3

	shift 3
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
		-keyout "$WORK/$name.key" -out "$WORK/$name.csr" 2>/dev/null
	openssl x509 -req -in "$WORK/$name.csr" -CA "$WORK/$authority.pem" -CAkey "$WORK/$authority.key" \
		-extfile <(echo "subjectAltName=$alternative") -out "$WORK/$name.pem" "$@" 2>/dev/null
}

# tls [KEY=VALUE]...: the mapping of that name, where KEY is ca, certificate (and key) or name
tls() {
	local ca=authority certificate=agent name='' setting

	for setting; do
		local "$setting"
	done
	echo "tls: { ca: $WORK/$ca.pem, certificate: $WORK/$certificate.pem, key: $WORK/$certificate.key${name:+, name: $name} }"
}

# start_tls_collector [PORT] [KIND] [CERTIFICATE] [SOCAT-OPTIONS]: by socat, which wants a certificate of "authority"; KIND is
# OPENSSL-LISTEN or OPENSSL-DTLS-SERVER
start_tls_collector() {
	local port=${1:-4742} kind=${2:-OPENSSL-LISTEN} certificate=${3:-collector} options=${4:-}

	spawn router "$WORK/listener-$port.log" setsid socat -ls \
		"$kind:$port,pf=ip4,reuseaddr,fork,cert=$WORK/$certificate.pem,key=$WORK/$certificate.key,cafile=$WORK/authority.pem,verify=1$options" \
		"SYSTEM:$ROOT/tests/e2e/keep_stream $WORK/stream-$port"
	LISTENER=$!
	eventually 5 accepts_or_listens "$port"
}

accepts_or_listens() {
	accepts "$1" || listens "$1"
}

has_sctp() {
	modprobe -q sctp 2>/dev/null || [[ -e /proc/net/sctp ]]
}

start_sctp_collector() {
	spawn router "$WORK/listener-4743.log" setsid socat -ls \
		"SCTP4-LISTEN:4743,reuseaddr,fork" "SYSTEM:$ROOT/tests/e2e/keep_stream $WORK/stream-4743"
	LISTENER=$!
	eventually 5 accepts_sctp
}

accepts_sctp() {
	router grep -q ' 4743 ' /proc/net/sctp/eps
}
