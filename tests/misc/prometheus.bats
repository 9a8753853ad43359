#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Rules and dashboards say of flowtally's metrics what a running agent has: all of their expressions are asked of a
# Prometheus that scrapes one, and of node_exporter what it knows of the textfile.

load lib

RULES=$ROOT/misc/prometheus
DASHBOARDS=$ROOT/misc/grafana/dashboards

setup() {
	WORK=$BATS_TEST_TMPDIR
}

teardown() {
	teardown_lab
}

# What Grafana puts in their place; Prometheus takes no name of a variable.
replace_variables() {
	# shellcheck disable=SC2016  # the dollars are Grafana's
	sed -e 's/\$__rate_interval/5m/g' -e 's/\$__range/1h/g' -e "s/\"\\\$host\"/\"$DESKTOP\"/g" \
		-e 's/"\$\(instance\|interface\|host\)"/".*"/g'
}

# The expressions of all panels and their legends: "EXPRESSION<tab>LEGEND" a line.
panels() {
	cat "$DASHBOARDS"/*.json | jq -r '.panels[].targets[] | [(.expr | gsub("\\s+"; " ")), .legendFormat] | join("\t")' |
		replace_variables
}

# Those that fill variables.
variables() {
	cat "$DASHBOARDS"/*.json | jq -r '.templating.list[] | select(.type == "query").query.query' |
		sed -n -e 's/^label_values(\(.*\), \([a-z]*\))$/count by (\2) (\1)/p' -e 's/^query_result(\(.*\))$/\1/p' |
		replace_variables | sort -u
}

# The expressions of all rules.
rules() {
	promtool_json "$RULES"/rules.yaml "$RULES"/alerts.yaml | jq -r '.groups[].rules[].expr | gsub("\\s+"; " ")'
}

# gojq reads YAML, too.
promtool_json() {
	gojq --yaml-input . "$@"
}

all_expressions() {
	panels | cut -f 1
	variables
	rules
}

@test "promtool accepts the rules, and each alert fires when it should" {
	promtool check rules "$RULES/rules.yaml" "$RULES/alerts.yaml"
	promtool test rules "$RULES/tests.yaml"
}

@test "every rule has a test" {
	local name

	for name in $(promtool_json "$RULES"/rules.yaml "$RULES"/alerts.yaml | jq -r '.groups[].rules[] | .alert // .record'); do
		promtool_json "$RULES/tests.yaml" |
			jq -e --arg name "$name" '[.. | objects | select(.exp_alerts != [] and .exp_samples != []) |
				.alertname, .expr] | any(. == $name)' >/dev/null || {
			echo "not tested: $name"
			false
		}
	done
}

@test "every alert has a severity, a summary and a description" {
	promtool_json "$RULES/alerts.yaml" | jq -e '[.groups[].rules[]] | length > 0 and all(.[];
		(.labels.severity | . == "warning" or . == "critical") and .annotations.summary and .annotations.description)'
}

@test "promtool accepts the expressions of the dashboards" {
	{
		echo "groups:"
		echo "  - name: dashboards"
		echo "    rules:"
		{
			panels | cut -f 1
			variables
		} | awk '{
			print "      - record: panel:" NR ":expression"
			print "        expr: |"
			print "          " $0
		}'
	} >"$WORK/dashboards.yaml"
	promtool check rules "$WORK/dashboards.yaml"
	(($(grep -c record: "$WORK/dashboards.yaml") > 50))
}

@test "the dashboards are importable: variables, data source, units, one place for each panel" {
	local dashboard

	for dashboard in "$DASHBOARDS"/*.json; do
		jq -e --arg uid "$(basename "$dashboard" .json)" '
			.uid == $uid and (.title | startswith("flowtally: ")) and .tags == ["flowtally"] and
			([.templating.list[] | select(.name == "datasource").type] == ["datasource"]) and
			([.panels[].datasource.uid, .panels[].targets[].datasource.uid] | all(. == "${datasource}")) and
			([.panels[].id] | length == (unique | length)) and
			all(.panels[]; .gridPos.x + .gridPos.w <= 24) and
			([.panels[].gridPos | [.x, .y]] | length == (unique | length))' "$dashboard" >/dev/null || {
			echo "$dashboard"
			false
		}
		# All variables that are used are there.
		comm -13 <(jq -r '.templating.list[].name' "$dashboard" | sort) \
			<(grep -o '\$[a-z][a-z_]*' "$dashboard" | sed 's/^.//' | sort -u) >"$WORK/unknown"
		same '' "$(cat "$WORK/unknown")"
	done
	# Bits for rates of links, octets for what was used.
	cat "$DASHBOARDS"/*.json | jq -e -s '[.[].panels[] | . as $panel | .targets[] |
		select(.expr | test("_bytes_total")) | select(.expr | test("packets|ratio") | not) |
		(if (.expr | test("increase")) then ["decbytes"]
			elif (.expr | test("8 [*]")) then ["bps"] else ["Bps"] end) as $units |
		select($units != [$panel.fieldConfig.defaults.unit]) | .expr] | . == []'
}

@test "provisioning names what is there" {
	promtool_json "$ROOT/misc/grafana/provisioning/datasources/prometheus.yaml" | jq -e '.datasources[0].type == "prometheus"'
	promtool_json "$ROOT/misc/grafana/provisioning/dashboards/flowtally.yaml" |
		jq -e '.providers[0].type == "file" and (.providers[0].options.path | length > 0)'
}

# --- against a running agent

# start_prometheus: in the router, with our rules
start_prometheus() {
	cat >"$WORK/prometheus.yml" <<-END
		global: { scrape_interval: 1s, evaluation_interval: 1s }
		rule_files: [ $RULES/rules.yaml, $RULES/alerts.yaml ]
		scrape_configs:
		  - job_name: flowtally
		    static_configs: [ { targets: [ "127.0.0.1:14739" ] } ]
		  - job_name: node
		    static_configs: [ { targets: [ "127.0.0.1:9100" ] } ]
		    metric_relabel_configs: [ { source_labels: [ __name__ ], regex: "node_.*", action: keep } ]
	END
	spawn router "$WORK/node-exporter.log" prometheus-node-exporter --collector.disable-defaults \
		--collector.textfile --collector.textfile.directory="$WORK" --web.listen-address=127.0.0.1:9100
	spawn router "$WORK/prometheus.log" prometheus --config.file="$WORK/prometheus.yml" \
		--storage.tsdb.path="$WORK/prometheus" --web.listen-address=127.0.0.1:9090
}

# query EXPRESSION: the result, a JSON array
query() {
	router curl -sS --get --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query |
		jq -e 'if .status == "success" then .data.result else error(.error) end'
}

is_there() {
	query "$1" | jq -e 'length > 0' >/dev/null
}

# Twice, so that there are rates.
is_scraped() {
	is_there 'count_over_time(flowtally_host_download_bytes_total[1m]) > 2' &&
		is_there 'flowtally_export_records_total > 0'
}

# All label sets that Prometheus has, {"METRIC": ["LABEL", ...]}
read_series() {
	router curl -sS --get --data-urlencode 'match[]={__name__=~".+"}' http://127.0.0.1:9090/api/v1/series |
		jq '[.data[] | {key: .__name__, value: keys}] | group_by(.key) |
			map({key: .[0].key, value: (map(.value) | add | unique)}) | from_entries' >"$WORK/series"
}

@test "every metric and label of rules and dashboards exists, and no panel is empty" {
	setup_lab 1
	write_config collectors='[{ address: "127.0.0.1:4739" }]'
	start_nfcapd
	start_agent
	tcp_transfer desktop download 1M "$LAB_INTERNET"
	start_prometheus
	eventually 30 is_scraped
	read_series

	all_expressions | "$ROOT/tests/misc/promql" | sort -u >"$WORK/names"
	(($(grep -c '^metric flowtally_' "$WORK/names") > 20))
	jq -rn --rawfile names "$WORK/names" --slurpfile series "$WORK/series" '$names | split("\n")[] | split(" ") |
		select(length > 1) | . as $name | $series[0] as $all |
		if .[0] == "metric" then select($all[.[1]] | not)
		elif .[0] == "label" then select(($all[.[1]] // []) | index($name[2]) | not)
		else select([.[2:][] | $all[.] // [] | .[]] | index($name[1]) | not) end | join(" ")' >"$WORK/unknown"
	same '' "$(cat "$WORK/unknown")"

	panels >"$WORK/panels"
	: >"$WORK/faults"
	while IFS=$'\t' read -r expression legend; do
		query "$expression" >"$WORK/result"
		jq -e --arg legend "$legend" '($legend | [scan("{{(\\w+)}}")[0]]) as $labels |
			length > 0 and all(.[].metric; . as $metric | $labels | all($metric[.]))' "$WORK/result" >/dev/null || {
			echo "empty, or without a label of its legend \"$legend\": $expression"
			cat "$WORK/result"
			echo "$expression" >>"$WORK/faults"
		}
	done <"$WORK/panels"
	variables | while read -r expression; do
		is_there "$expression" || echo "$expression" >>"$WORK/faults"
	done
	same '' "$(cat "$WORK/faults")"
}
