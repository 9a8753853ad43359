#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Programs that lines of JSON go through before they are written: what they add is there, and what they break is not lost.

load lib
load flows

setup() {
	setup_lab 1
	LINES_FILE=$WORK/flows.json
	chmod 755 "$WORK"
}

teardown() {
	teardown_lab
}

# configure_hooks HOOK...: of one output, as items of YAML's block style
configure_hooks() {
	write_config collectors='[]'
	configure 200ms 'match: wan, side: wan, meter: [flows]'
	{
		echo '  json-lines:'
		echo "    - path: $LINES_FILE"
		echo '      form: flowlog'
		echo '      hooks:'
		printf '%s\n' "$@"
	} >"$WORK/lines.yaml"
	sed -i "/^export:/r $WORK/lines.yaml" "$WORK/flowtally.yaml"
	echo 'flows: { active-timeout: 1h, idle-timeout: 1h, finished-timeout: 1h, max: 16384 }' >>"$WORK/flowtally.yaml"
}

# jq_hook N: one that adds hookN
jq_hook() {
	cat <<-END
		        - name: add-$1
		          shell: |
		            #!/bin/sh
		            exec jq '[.[] | . + { hook$1: "$1" }]'
	END
}

# some_flows N: all of them leave
some_flows() {
	udp_flows "$1"
	wait_sweeps
	ask flush --all
}

lines_are() {
	same "$1" "$(wc -l <"$LINES_FILE")"
}

failures() {
	ask status -o json | jq '.json_lines[0].hook_failures'
}

@test "flows go through eight hooks in a row, and each has added its part" {
	configure_hooks "$(for i in {1..8}; do jq_hook "$i"; done)"
	start_agent
	some_flows 258
	eventually 20 lines_are 258
	stop_agent
	same 258 "$(jq -c 'select([.hook1, .hook2, .hook3, .hook4, .hook5, .hook6, .hook7, .hook8] ==
		["1", "2", "3", "4", "5", "6", "7", "8"])' "$LINES_FILE" | wc -l)"
	# The keys of the log come first, in their order.
	[[ $(head -n 1 "$LINES_FILE") == '{"src":'* ]]
	same 258 "$(jq .sport "$LINES_FILE" | sort -u | wc -l)"
}

@test "what fails, hangs or writes nonsense is passed by, counted, and said" {
	configure_hooks \
		'        - { name: fails, shell: "exit 3" }' \
		'        - { name: hangs, shell: "sleep 4711", timeout: 200ms }' \
		'        - { name: nonsense, shell: "echo nonsense" }' \
		'        - { name: missing, command: /no/such/program }' \
		"$(jq_hook 1)"
	start_agent
	some_flows 20
	eventually 20 lines_are 20
	same 20 "$(jq -c 'select(.hook1 == "1")' "$LINES_FILE" | wc -l)"
	same 4 "$(failures)"
	ask status | grep 'hook missing: /no/such/program: No such file or directory'
	grep "$LINES_FILE: hook missing" "$WORK/agent.log"
	wait_sweeps
	same 4 "$(awk '/^flowtally_json_lines_hook_failures_total/ { print $2 }' "$WORK/flowtally.prom")"
	fails pgrep -f 'sleep 4711'
}

@test "a hook may have the records dropped, which is counted" {
	configure_hooks '        - { shell: "exit 1", on-failure: drop }'
	start_agent
	some_flows 20
	dropped() {
		same 20 "$(ask status -o json | jq '.json_lines[0].dropped')"
	}
	eventually 20 dropped
	[[ ! -s "$LINES_FILE" ]]
}

@test "hooks run without privileges and without what is the agent's" {
	configure_hooks "        - shell: |" \
		"            cat >/dev/null" \
		"            printf '[{\"uid\": %s, \"caps\": \"%s\", \"filter\": \"%s\", \"variables\": %s, \"files\": %s}]' \\" \
		"              \$(id -u) \$(sed -n 's/^CapEff:.//p' /proc/self/status) \$(sed -n 's/^NoNewPrivs:.//p' /proc/self/status) \\" \
		"              \$(tr '\\0' '\\n' </proc/\$\$/environ | grep -cvE '^(PATH|LANG|PWD)=') \$(ls /proc/\$\$/fd | wc -l)"
	export SECRET_OF_THE_AGENT=1
	start_agent
	some_flows 5
	eventually 20 lines_are 1
	# Its standard ones, that of the script, and what a shell opens.
	same '{"uid":65534,"caps":"0000000000000000","filter":"1","variables":0,"files":6}' "$(cat "$LINES_FILE")"
}

@test "nobody can run other hooks without a restart" {
	configure_hooks "$(jq_hook 1)"
	start_agent
	sed -i 's/hook1/hook2/' "$WORK/flowtally.yaml"
	kill -HUP "$AGENT"
	eventually 10 grep -q 'hooks cannot change without a restart' "$WORK/agent.log"
	some_flows 5
	eventually 20 lines_are 5
	same 5 "$(jq -c 'select(.hook1)' "$LINES_FILE" | wc -l)"
}

@test "at the end, what is in hooks is written before" {
	configure_hooks '        - { shell: "sleep 0.57; cat" }'
	start_agent
	udp_flows 30
	wait_sweeps
	stop_agent
	lines_are 30
	fails pgrep -f 'sleep 0.57'
}

@test "a hook that is wrong is refused with its line" {
	configure_hooks '        - { name: both, shell: "x", command: /bin/cat }'
	fails "$FLOWTALLY" check -c "$WORK/flowtally.yaml" 2>"$WORK/reasons"
	grep -F 'export.json-lines[0].hooks[0]: it has to have either command or shell' "$WORK/reasons"
	configure_hooks '        - { command: cat }'
	fails "$FLOWTALLY" check -c "$WORK/flowtally.yaml" 2>"$WORK/reasons"
	grep -F '"cat" is not the absolute path of a program' "$WORK/reasons"
}
