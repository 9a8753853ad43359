#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# HTTP by those who mean harm: requests that proxies and servers read differently, odd paths, many headers, and TLS.

load lib
load transports

setup() {
	setup_lab 1
}

teardown() {
	teardown_lab
}

# http [WEB-CONFIG]: into the configuration that write_config has written
http() {
	sed -i "s|^export:|export:\n  http: { listen: \"127.0.0.1:14739\"${1:+, web-config: \"$1\"} }|" "$WORK/flowtally.yaml"
}

# raw PRINTF-FORMAT: what comes back of it until the other side closes
raw() {
	# shellcheck disable=SC2059  # it is a format
	printf "$1" >"$WORK/request"
	raw_file
}

raw_file() {
	router socat -t 5 - TCP:127.0.0.1:14739 <"$WORK/request" 2>/dev/null | tr -d '\r' || :
}

# codes: of all answers that are there
codes() {
	sed -n 's|.*HTTP/1\.[01] \([0-9]*\) .*|\1|p' | xargs
}

END='Host: x\r\nConnection: close\r\n\r\n'

make_users() {
	# shellcheck disable=SC2016  # the dollars are of bcrypt
	perl -e 'print "basic_auth_users: { alice: \"", crypt("secret", q($2y$04$abcdefghijklmnopqrstuu)), "\" }\n"' >"$WORK/web.yaml"
	chmod 640 "$WORK/web.yaml"
}

@test "there is nothing but the pages that there are, however they are asked for" {
	local path

	write_config
	http
	start_agent
	for path in /../../etc/passwd /metrics/../../etc/passwd //metrics /%2e%2e/etc/passwd /metrics%00.html /metrics%0d%0aX: \
		'/metrics;x' /METRICS /.git/config /-/reload /-/quit /debug/pprof/ /%s%s%n '/\..\etc\passwd' metrics; do
		printf 'GET %s HTTP/1.1\r\n' "$path" >"$WORK/request"
		printf '%b' "$END" >>"$WORK/request"
		echo "$path"
		same 404 "$(raw_file | codes)"
	done
	# A query is none of ours, and harmless.
	same 200 "$(raw "GET /-/healthy?x=/../../etc/passwd HTTP/1.1\r\n$END" | codes)"
	wait_sweeps
}

@test "every answer says that it is not to be kept, guessed at or framed with scripts" {
	local request

	write_config
	make_users
	http "$WORK/web.yaml"
	start_agent
	for request in 'GET / HTTP/1.1' 'GET /metrics HTTP/1.1' 'GET /nonsense HTTP/1.1' 'POST / HTTP/1.1' \
		'GET / HTTP/1.1\r\nAuthorization: Basic YWxpY2U6c2VjcmV0'; do
		raw "$request\r\n$END" >"$WORK/answer"
		grep -qix 'cache-control: no-store' "$WORK/answer"
		grep -qix 'x-content-type-options: nosniff' "$WORK/answer"
		grep -qix "content-security-policy: default-src 'none'" "$WORK/answer"
		grep -qix 'referrer-policy: no-referrer' "$WORK/answer"
		fails grep -qi '^server:' "$WORK/answer"
	done
}

# What one reader takes for a body and another for the next request.
@test "requests with a body, or with two opinions about it, end the connection" {
	local length smuggled='GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n'

	write_config
	http
	start_agent
	for length in 'Content-Length: 36' 'Transfer-Encoding: chunked' 'Content-Length: 36\r\nTransfer-Encoding: chunked' \
		'Content-Length: 0\r\nContent-Length: 36' 'Content-Length: 36\r\nContent-Length: 0' 'Content-Length: +36' \
		'Content-Length: -1' 'Content-Length: 99999999999999999999' 'Content-Length: 0x24' 'Transfer-Encoding: xchunked' \
		'Transfer-Encoding: identity, chunked' 'Content-Length : 36'; do
		raw "GET /-/healthy HTTP/1.1\r\nHost: x\r\n$length\r\n\r\n$smuggled" >"$WORK/answer"
		echo "$length" && cat "$WORK/answer"
		fails grep -Eq '^(not )?ready' "$WORK/answer"
		fails grep -q '^healthy' "$WORK/answer"
	done
	same 200 "$(raw "GET /-/healthy HTTP/1.1\r\nContent-Length: 0\r\n$END" | codes)"
}

@test "requests in a row are answered in a row, each for itself" {
	write_config
	make_users
	http "$WORK/web.yaml"
	start_agent
	{
		for _ in {1..50}; do
			printf 'GET /-/healthy HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YWxpY2U6c2VjcmV0\r\n\r\n'
			printf 'GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n'
		done
		printf 'GET /metrics HTTP/1.1\r\n%b' "$END"
	} >"$WORK/request"
	# Who has shown a password once has not for all that follow.
	same "$(for _ in {1..50}; do echo 200 401; done | xargs) 401" "$(raw_file | codes)"
}

@test "very many headers, or a long one, are refused, and cost no more than the request may have" {
	local before i

	write_config
	http
	start_agent
	before=$(awk '$1 == "VmRSS:" { print $2 }' "/proc/$AGENT/status")
	{
		printf 'GET /metrics HTTP/1.1\r\nHost: x\r\n'
		for ((i = 0; i < 20000; i++)); do
			printf 'X-%d: x\r\n' "$i"
		done
		printf '\r\n'
	} >"$WORK/request"
	for i in {1..20}; do
		fails grep -q 200 <(raw_file | codes)
	done
	(($(awk '$1 == "VmRSS:" { print $2 }' "/proc/$AGENT/status") < before + 16384))
	same 200 "$(raw "GET /-/healthy HTTP/1.1\r\n$END" | codes)"
}

@test "one address has its share of connections, and leaves the rest to others" {
	write_config
	sed -i 's|^export:|export:\n  http: { listen: "0.0.0.0:14739" }|' "$WORK/flowtally.yaml"
	start_agent
	spawn desktop "$WORK/hold.log" /usr/bin/python3 -c '
import socket, sys, time
held = [socket.create_connection((sys.argv[1], 14739)) for i in range(200)]
print("held", flush=True)
time.sleep(1000)' "$LAB_ROUTER"
	local holder=$!
	eventually 10 grep -q held "$WORK/hold.log"
	same 200 "$(raw "GET /-/healthy HTTP/1.1\r\n$END" | codes)"
	eventually 5 some_are_refused
	kill -KILL "$holder"
}

some_are_refused() {
	(($(ask status -o json | jq .http.refused_connections) >= 100))
}

@test "over TLS nobody negotiates anew or less" {
	local version

	make_authority server
	cat >"$WORK/web.yaml" <<-END
		tls_server_config: { cert_file: server.pem, key_file: server.key }
	END
	write_config
	http "$WORK/web.yaml"
	start_agent
	for version in tls1 tls1_1; do
		fails router openssl s_client -connect 127.0.0.1:14739 "-$version" -cipher 'ALL:@SECLEVEL=0' </dev/null 2>&1
	done
	fails router openssl s_client -connect 127.0.0.1:14739 -tls1_2 -cipher 'NULL:RC4:3DES:EXPORT:aNULL:@SECLEVEL=0' \
		</dev/null 2>&1
	# An R in a line of its own has it ask for that. The sweeps go on, and so does who comes next.
	{
		for _ in {1..20}; do
			echo R
			sleep 0.05
		done
	} | router timeout 10 openssl s_client -connect 127.0.0.1:14739 -tls1_2 >"$WORK/renegotiation" 2>&1 || :
	fails grep -q '^200' "$WORK/renegotiation"
	wait_sweeps
	same 200 "$(router curl --silent --cacert "$WORK/server.pem" --connect-to ::127.0.0.1: --insecure \
		--output /dev/null --write-out '%{http_code}' https://127.0.0.1:14739/-/healthy)"
}

# Else time would tell who there is. What is computed has a queue, and who does not fit into it is told so at once: so we know.
@test "passwords of users that do not exist are computed like those of others, and the queue is bounded" {
	write_config
	# shellcheck disable=SC2016  # the dollars are of bcrypt
	perl -e 'print "basic_auth_users: { alice: \"", crypt("secret", q($2y$12$abcdefghijklmnopqrstuu)), "\" }\n"' >"$WORK/web.yaml"
	http "$WORK/web.yaml"
	start_agent
	router /usr/bin/python3 -c '
import base64, select, socket, sys
clients = []
for i in range(60):
    client = socket.create_connection(("127.0.0.1", 14739))
    guess = base64.b64encode(b"nobody:%d" % i).decode()
    client.send(("GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\n\r\n" % guess).encode())
    clients.append(client)
refused = 0
while refused < 20:
    for client in select.select(clients, [], [], 60)[0] or sys.exit("nobody is refused"):
        refused += client.recv(65536).startswith(b"HTTP/1.1 503 ")
        clients.remove(client)'
	wait_sweeps
}
