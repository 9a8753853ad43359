#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Metrics by HTTP: clients that are not our code, good ones and bad ones.

load lib
bats_require_minimum_version 1.5.0 # for run -N

URL=http://127.0.0.1:14739
OPENMETRICS='Accept: application/openmetrics-text;version=1.0.0'

setup() {
	setup_lab 1
	PROMETHEUS=
}

teardown() {
	if [[ -n $PROMETHEUS ]]; then
		kill -KILL "$PROMETHEUS" 2>/dev/null || :
	fi
	teardown_lab
}

# http LISTEN [WEB-CONFIG]: into the configuration that write_config has written
http() {
	sed -i "/^  http:/d; s|^export:|export:\n  http: { listen: $1${2:+, web-config: \"$2\"} }|" \
		"$WORK/flowtally.yaml"
}

# get PATH [OPTION]...: in the router
get() {
	local path=$1

	shift
	router curl --silent --show-error --max-time $((10 * SLOW)) "$@" "$URL$path"
}

# code PATH [OPTION]...: of the answer
code() {
	get "$@" --output /dev/null --write-out '%{http_code}'
}

answers() {
	same "$1" "$(code "${@:2}")"
}

# header NAME PATH [OPTION]...
header() {
	local name=$1

	shift
	get "$@" --output /dev/null --dump-header - | tr -d '\r' | sed -n "s/^$name: //Ip"
}

ping_some() {
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET" >/dev/null
	wait_sweeps
}

# lasting: sorted, without those that change from one sweep or request to the next
lasting() {
	grep -vE '^(#|process_|flowtally_(sweep|http|scrape|table|export)_)' | LC_ALL=C sort
}

# python: Debian's, which has Debian's packages
parse() {
	/usr/bin/python3 - "$@" <<-'END'
		import sys
		kind, path = sys.argv[1:3]
		if kind == "openmetrics":
		    from prometheus_client.openmetrics.parser import text_string_to_metric_families
		else:
		    from prometheus_client.parser import text_string_to_metric_families
		for family in text_string_to_metric_families(open(path).read()):
		    for sample in family.samples:
		        labels = ",".join('%s="%s"' % label for label in sorted(sample.labels.items()))
		        print("%s{%s} %r" % (sample.name, labels, float(sample.value)))
	END
}

@test "both formats pass the parsers of others, and say the same as the textfile" {
	local families

	write_config
	start_agent
	ping_some
	get /metrics >"$WORK/text"
	get /metrics -H "$OPENMETRICS" >"$WORK/openmetrics"
	promtool check metrics <"$WORK/text"
	same 'text/plain; version=0.0.4; charset=utf-8' "$(header content-type /metrics)"
	same 'application/openmetrics-text; version=1.0.0; charset=utf-8' \
		"$(header content-type /metrics -H "$OPENMETRICS")"
	same '# EOF' "$(tail -n 1 "$WORK/openmetrics")"
	grep -q '^# TYPE flowtally_host info$' "$WORK/openmetrics"
	grep -q '^# UNIT flowtally_host_download_bytes bytes$' "$WORK/openmetrics"
	parse openmetrics "$WORK/openmetrics" | lasting >"$WORK/om.samples"
	parse text "$WORK/text" | lasting >"$WORK/text.samples"
	grep -q '^flowtally_host_download_bytes_total{' "$WORK/text.samples"
	diff "$WORK/om.samples" "$WORK/text.samples"
	# The same families in the textfile, but for those of the process.
	families=$(sed -n 's/^# TYPE //p' "$WORK/text" | grep -v '^process_')
	same "$families" "$(sed -n 's/^# TYPE //p' "$WORK/flowtally.prom")"
	diff <(lasting <"$WORK/text") <(lasting <"$WORK/flowtally.prom")
	grep -q '^process_resident_memory_bytes [1-9]' "$WORK/text"
	same "$(hosts_sums)" "$(textfile_sums "$WORK/text")"
	stop_agent
}

@test "gzip and HEAD" {
	write_config
	start_agent
	same gzip "$(header content-encoding /metrics -H 'Accept-Encoding: gzip')"
	same '' "$(header content-encoding /metrics -H 'Accept-Encoding: gzip;q=0')"
	get /metrics -H 'Accept-Encoding: gzip' | gzip -dc | grep -q '^flowtally_build_info'
	get /metrics --head >"$WORK/head"
	grep -qi '^content-type: text/plain; version=0.0.4' "$WORK/head"
	(($(sed -n 's/^content-length: \([0-9]*\).*/\1/Ip' "$WORK/head") > 1000))
	fails grep -q flowtally_build_info "$WORK/head"
}

@test "a landing page, health, and what there is not" {
	local name

	write_config
	start_agent
	get / >"$WORK/page"
	grep -q 'href="metrics"' "$WORK/page"
	grep -q 'Version [0-9]' "$WORK/page"
	fails grep -Eq '(src|href)="?(https?:)?//' "$WORK/page"
	for name in 'x-content-type-options: nosniff' 'referrer-policy: no-referrer' \
		"content-security-policy: default-src 'none'"; do
		same "${name#*: }" "$(header "${name%%:*}" /)"
	done
	answers 200 /-/healthy
	eventually 5 answers 200 /-/ready
	answers 404 /nonsense
	answers 404 /metrics/
	answers 405 /metrics -X POST -d x=y
	answers 405 /metrics -X DELETE
	answers 405 / -X OPTIONS
	same 'GET, HEAD' "$(header allow /metrics -X PUT)"
	answers 400 /metrics -X GET -d body
	answers 200 /metrics -H 'Host: elsewhere.example'
	ask status -o json | jq -e '.http.requests | .["405"] == 4 and .["400"] == 1 and .["404"] == 2'
	get /metrics | grep -Fx 'flowtally_http_requests_total{code="405"} 4'
}

@test "it is not ready before the first sweep, and healthy" {
	write_config interval=1h
	start_agent
	answers 503 /-/ready
	answers 200 /-/healthy
}

@test "Prometheus scrapes, and is asked by query" {
	write_config
	start_agent
	ping_some
	cat >"$WORK/prometheus.yml" <<-END
		global: { scrape_interval: 1s }
		scrape_configs:
		  - job_name: flowtally
		    static_configs: [{ targets: ["127.0.0.1:14739"] }]
	END
	spawn router "$WORK/prometheus.log" prometheus --config.file="$WORK/prometheus.yml" \
		--storage.tsdb.path="$WORK/tsdb" --web.listen-address=127.0.0.1:19090
	PROMETHEUS=$!
	eventually 30 query_gives "$(ask hosts -o json | jq '.hosts[0].upload.octets')" \
		"sum(flowtally_host_upload_bytes_total{host=\"$DESKTOP\"})"
	query_gives 1 'up{job="flowtally"}'
	query_gives '"counter"' type
	query_gives 1 'flowtally_host_info * 0 + 1'
}

# query_gives VALUE EXPRESSION
query_gives() {
	if [[ $2 == type ]]; then
		same "$1" "$(router curl -sf 'http://127.0.0.1:19090/api/v1/metadata?metric=flowtally_host_upload_bytes' |
			jq -c '[.data[][].type][0]')"
		return
	fi
	same "$1" "$(router curl -sfG http://127.0.0.1:19090/api/v1/query --data-urlencode "query=$2" |
		jq -c '.data.result[0].value[1] | tonumber')"
}

@test "flowtally metrics, and as a CGI program" {
	write_config
	http '[]'
	start_agent
	ping_some
	fails get /metrics
	ask metrics >"$WORK/text"
	promtool check metrics <"$WORK/text"
	same "$(hosts_sums)" "$(textfile_sums "$WORK/text")"
	ask metrics --openmetrics >"$WORK/openmetrics"
	parse openmetrics "$WORK/openmetrics" >/dev/null
	ask metrics --cgi >"$WORK/cgi"
	same 'Content-Type: text/plain; version=0.0.4; charset=utf-8' "$(sed -n 1p "$WORK/cgi")"
	same '' "$(sed -n 2p "$WORK/cgi")"
	sed 1,2d "$WORK/cgi" | promtool check metrics
	ask metrics --cgi --openmetrics | head -n 1 | grep -q 'application/openmetrics-text; version=1.0.0'
	stop_agent
	run -1 --separate-stderr ask metrics --cgi
	same 'Status: 503 Service Unavailable' "${lines[0]}"
	run -2 ask metrics --nonsense
	run -2 ask metrics surplus
}

# --- where it listens

@test "a listener that is taken is a fault, all else goes on, and it is tried again" {
	local blocker

	write_config
	spawn router "$WORK/blocker.log" socat TCP-LISTEN:14739,bind=127.0.0.1,fork,reuseaddr EXEC:/bin/true
	blocker=$!
	eventually 5 router_listens 14739
	start_agent
	ping_some
	same "$(hosts_sums)" "$(textfile_sums)"
	ask status | grep -q 'HTTP.*127.0.0.1:14739 (listen: Address already in use)'
	ask status -o json | jq -e '.http.listeners == [{address: "127.0.0.1:14739", last_error: "listen: Address already in use"}]'
	grep -Fx 'flowtally_http_listening{address="127.0.0.1:14739"} 0' "$WORK/flowtally.prom"
	kill "$blocker"
	eventually 5 ended "$blocker"
	kill -HUP "$AGENT"
	eventually 5 answers 200 /metrics
	ask status -o json | jq -e '.http.listeners[0].last_error == null'
	same 1 "$(grep -c 'Address already in use' "$WORK/agent.log")"
}

router_listens() {
	router cat /proc/net/tcp /proc/net/tcp6 | grep -qi "$(printf ':%04X 0\{8,32\}:0000 0A' "$1")"
}

@test "a reload moves listeners, and what stays is not interrupted" {
	write_config
	http '["127.0.0.1:14739", "127.0.0.1:9999"]'
	start_agent
	answers 200 /metrics
	# A connection that is kept over the reload.
	exec {pipe}> >(lab_exec "$LAB" router socat - TCP:127.0.0.1:14739 >"$WORK/kept" 2>&1)
	printf 'GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n' >&"$pipe"
	eventually 5 grep -q '^healthy' "$WORK/kept"
	http '["127.0.0.1:14739", "0.0.0.0:8080", "[::1]:8080"]'
	kill -HUP "$AGENT"
	eventually 5 router_listens 8080
	printf 'GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >&"$pipe"
	eventually 5 says_twice healthy "$WORK/kept"
	exec {pipe}>&-
	fails router curl -sf http://127.0.0.1:9999/metrics
	router curl -sf "http://$LAB_ROUTER:8080/metrics" | grep -q flowtally_build_info
	router curl -sf 'http://[::1]:8080/metrics' | grep -q flowtally_build_info
	http '[]'
	kill -HUP "$AGENT"
	eventually 5 fails router_listens 8080
	fails router_listens 14739
	ask status -o json | jq -e '.http.listeners == []'
}

says_twice() {
	same 2 "$(grep -c "^$1" "$2")"
}

@test "FLOWTALLY_LISTEN stands for the key, and quotes are refused" {
	write_config
	http '"127.0.0.1:1"'
	export FLOWTALLY_LISTEN='127.0.0.1:8080, [::1]:9999'
	start_agent
	router curl -sf http://127.0.0.1:8080/metrics | grep -q flowtally_build_info
	router curl -sf 'http://[::1]:9999/metrics' | grep -q flowtally_build_info
	fails router_listens 14739
	stop_agent
	for FLOWTALLY_LISTEN in '"127.0.0.1:8080"' "'8080'"; do
		run -1 "$FLOWTALLY" check -c "$WORK/flowtally.yaml"
		[[ $output == "FLOWTALLY_LISTEN: $FLOWTALLY_LISTEN has quotes in it"* ]]
	done
	for FLOWTALLY_LISTEN in 8080 localhost:80 ' ' '127.0.0.1:1,'; do
		run -1 "$FLOWTALLY" check -c "$WORK/flowtally.yaml"
		[[ $output == 'FLOWTALLY_LISTEN: "'*'" is not '* ]]
	done
	FLOWTALLY_LISTEN='[]'
	start_agent
	fails router_listens 1
	# Who only asks does not care for it.
	FLOWTALLY_LISTEN=nonsense ask hosts >/dev/null
	unset FLOWTALLY_LISTEN
}

@test "flowtally check warns of an open listener, and accepts it" {
	write_config
	http '"127.0.0.1:9999"'
	run -0 "$FLOWTALLY" check -c "$WORK/flowtally.yaml"
	[[ $output != *warning* ]]
	http '["127.0.0.1:9999", "0.0.0.0:9999"]'
	run -0 "$FLOWTALLY" check -c "$WORK/flowtally.yaml"
	[[ $output == *"warning: export.http.listen: 0.0.0.0:9999 is not loopback"* ]]
	make_users
	http '"0.0.0.0:9999"' "$WORK/web.yaml"
	run -0 "$FLOWTALLY" check -c "$WORK/flowtally.yaml"
	[[ $output != *warning* ]]
}

# --- who may ask

# bcrypt PASSWORD
bcrypt() {
	# shellcheck disable=SC2016  # the dollars are of bcrypt
	perl -e 'print crypt($ARGV[0], q($2y$10$) . "abcdefghijklmnopqrstuu")' "$1"
}

make_users() {
	printf 'basic_auth_users:\n  alice: %s\n' "$(bcrypt secret)" >"$WORK/web.yaml"
	chmod 640 "$WORK/web.yaml"
}

@test "passwords: right, wrong, none, and none of them is shown anywhere" {
	write_config
	make_users
	http '"127.0.0.1:14739"' "$WORK/web.yaml"
	start_agent
	answers 401 /metrics
	same 'Basic realm="flowtally", charset="UTF-8"' "$(header www-authenticate /metrics)"
	answers 200 /metrics -u alice:secret
	answers 200 /metrics -u alice:secret
	answers 401 /metrics -u alice:wrong
	answers 401 /metrics -u alice:
	answers 401 /metrics -u bob:secret
	answers 401 /-/healthy
	answers 401 /metrics -H 'Authorization: Basic !!!'
	answers 401 /metrics -H 'Authorization: Bearer secret'
	ask status | grep -q 'HTTP.*with authentication'
	ask status -o json | jq -e '.http.authentication and (.http.tls | not)'
	# A changed password holds from the reload on.
	printf 'basic_auth_users: { alice: "%s" }\n' "$(bcrypt other)" >"$WORK/web.yaml"
	kill -HUP "$AGENT"
	eventually 5 answers 200 /metrics -u alice:other
	answers 401 /metrics -u alice:secret
	fails grep -E 'secret|other|[$]2y' "$WORK/agent.log"
	fails grep -E 'secret|[$]2y' <(ask status -o json)
}

@test "sweeps go on while passwords are guessed" {
	local guess

	write_config
	make_users
	http '"127.0.0.1:14739"' "$WORK/web.yaml"
	start_agent
	answers 200 /metrics -u alice:secret
	for guess in {1..40}; do
		get /metrics -u "alice:$guess" --output /dev/null --write-out '%{http_code}\n' >>"$WORK/codes" &
	done
	wait_sweeps
	# Who is known need not wait in their queue.
	answers 200 /metrics -u alice:secret
	eventually 10 forty_codes
	fails grep -vE '^(401|503)$' "$WORK/codes"
}

forty_codes() {
	same 40 "$(wc -l <"$WORK/codes")"
}

# make_certificate NAME [OPTION]...: NAME.pem and NAME.key below $WORK
make_certificate() {
	local name=$1

	shift
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$name" \
		-addext 'subjectAltName=IP:127.0.0.1' "$@" \
		-keyout "$WORK/$name.key" -out "$WORK/$name.pem" 2>/dev/null
}

@test "TLS, with certificates of clients" {
	write_config
	make_certificate server
	make_certificate client
	make_certificate stranger
	cat >"$WORK/web.yaml" <<-END
		tls_server_config: { cert_file: server.pem, key_file: server.key }
		http_server_config: { headers: { Strict-Transport-Security: max-age=60, X-Frame-Options: deny } }
	END
	http '"127.0.0.1:14739"' "$WORK/web.yaml"
	start_agent
	URL=https://127.0.0.1:14739
	answers 200 /metrics --cacert "$WORK/server.pem"
	get /metrics --cacert "$WORK/server.pem" --compressed | grep -q '^flowtally_build_info'
	same max-age=60 "$(header strict-transport-security / --cacert "$WORK/server.pem")"
	same deny "$(header x-frame-options / --cacert "$WORK/server.pem")"
	fails get /metrics --cacert "$WORK/client.pem"
	fails get /metrics --cacert "$WORK/server.pem" --tls-max 1.1
	fails router curl -sf --max-time 5 http://127.0.0.1:14739/metrics
	cat >"$WORK/web.yaml" <<-END
		tls_server_config:
		  cert_file: server.pem
		  key_file: server.key
		  client_auth_type: RequireAndVerifyClientCert
		  client_ca_file: client.pem
		  min_version: TLS13
	END
	kill -HUP "$AGENT"
	eventually 5 fails get /metrics --cacert "$WORK/server.pem"
	answers 200 /metrics --cacert "$WORK/server.pem" --cert "$WORK/client.pem" --key "$WORK/client.key"
	fails get /metrics --cacert "$WORK/server.pem" --cert "$WORK/stranger.pem" --key "$WORK/stranger.key"
	fails get /metrics --cacert "$WORK/server.pem" --cert "$WORK/client.pem" --key "$WORK/client.key" --tls-max 1.2
	ask status | grep -q 'HTTP.*(TLS, with authentication)'
	# A reload that is refused changes nothing.
	echo nonsense: 1 >>"$WORK/web.yaml"
	kill -HUP "$AGENT"
	eventually 5 grep -q "web.yaml:7: nonsense: unknown key" "$WORK/agent.log"
	answers 200 /metrics --cacert "$WORK/server.pem" --cert "$WORK/client.pem" --key "$WORK/client.key"
}

# --- bad clients

# hold NODE ADDRESS N: connections that never come to the end of their header; $HOLDER is who has them
hold() {
	spawn "$1" "$WORK/hold.log" /usr/bin/python3 -c '
import socket, sys, time
held = []
for i in range(int(sys.argv[2])):
    client = socket.socket()
    client.settimeout(5)
    try:
        client.connect((sys.argv[1], 14739))
        client.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    except OSError:
        pass
    held.append(client)
print("held", flush=True)
while True:
    time.sleep(1)
    for client in held:
        try:
            client.send(b"x")
        except OSError:
            pass
' "$2" "$3"
	HOLDER=$!
	eventually 30 grep -q held "$WORK/hold.log"
}

@test "1000 slow clients: others are answered, sweeps go on, and the slow ones are cut off" {
	local before

	write_config
	http '"0.0.0.0:14739"'
	start_agent
	hold desktop "$LAB_ROUTER" 1000
	before=$(last_sweep)
	answers 200 /metrics
	ping_some
	# The slow clients are counted, too, again and again.
	eventually 10 outputs_agree
	[[ $(last_sweep) > $before ]]
	(($(ask status -o json | jq .http.refused_connections) >= 900))
	(($(find "/proc/$AGENT/fd" -type l | wc -l) < 400))
	eventually 40 slow_ones_are_cut_off
	kill "$HOLDER"
	answers 200 /metrics
}

outputs_agree() {
	same "$(hosts_sums)" "$(textfile_sums)"
}

slow_ones_are_cut_off() {
	(($(ask status -o json | jq .http.cut_off_connections) >= 60))
}

@test "a header of 1 MB, and other nonsense, is refused" {
	write_config
	start_agent
	{
		printf 'GET /metrics HTTP/1.1\r\nHost: x\r\nX-Long: '
		head -c 1048576 /dev/zero | tr '\0' x
		printf '\r\n\r\n'
	} >"$WORK/long"
	router socat -t 5 - TCP:127.0.0.1:14739 <"$WORK/long" >"$WORK/answer" 2>/dev/null || :
	fails grep -q ' 200 ' "$WORK/answer"
	head -c 100000 /dev/urandom | router socat -t 1 - TCP:127.0.0.1:14739 >/dev/null 2>&1 || :
	printf 'GET /metrics HTTP/9.9\r\n\r\n' | router socat -t 1 - TCP:127.0.0.1:14739 >/dev/null 2>&1 || :
	answers 404 "/$(printf '%08000d' 1)"
	answers 200 /metrics
	wait_sweeps
}

@test "a client that reads nothing keeps nobody from anything" {
	write_config
	start_agent
	spawn router "$WORK/deaf.log" /usr/bin/python3 -c '
import socket, time
client = socket.create_connection(("127.0.0.1", 14739))
client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
for i in range(1000):
    try:
        client.settimeout(0.5)
        client.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    except OSError:
        break
print("deaf", flush=True)
time.sleep(1000)
'
	eventually 30 grep -q deaf "$WORK/deaf.log"
	answers 200 /metrics
	wait_sweeps
	kill $!
}

# --- many hosts

@test "thousands of hosts: all are in the exposition, and sweeps go on while many scrape" {
	local hosts=$((4000 / SLOW)) scrape scrapes=()

	write_config textfile=
	echo 'metrics: { max-hosts: 8192 }' >>"$WORK/flowtally.yaml"
	start_agent
	desktop "$TOOLS/flood" --frames $((2 * hosts)) --devices "$hosts" eth0 >/dev/null
	wait_sweeps
	for scrape in {1..20}; do
		get /metrics --compressed --output "$WORK/scrape-$scrape" &
		scrapes+=($!)
	done
	wait_sweeps
	wait "${scrapes[@]}"
	for scrape in {1..20}; do
		(($(grep -c '^flowtally_host_info' "$WORK/scrape-$scrape") >= hosts))
	done
	get /metrics | promtool check metrics
	get /metrics -H "$OPENMETRICS" >"$WORK/openmetrics"
	(($(parse openmetrics "$WORK/openmetrics" | grep -c '^flowtally_host_info') >= hosts))
}
