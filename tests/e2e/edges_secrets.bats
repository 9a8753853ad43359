#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What must not be seen: the memory of our processes by others of the same user, and secrets wherever something is shown.

load lib

NOBODY=65534

setup() {
	setup_lab 1
}

teardown() {
	teardown_lab
	umount -l "$WORK/bpffs" 2>/dev/null || :
}

as_nobody() {
	setpriv --reuid="$NOBODY" --regid="$NOBODY" --clear-groups --inh-caps=-all --bounding-set=-all "$@"
}

# The agent as the service has it: all of its processes are one user's, and so are its hooks.
start_as_nobody() {
	mkdir "$WORK/bpffs" "$WORK/own"
	mount -t bpf bpf "$WORK/bpffs"
	mkdir "$WORK/bpffs/own" "$WORK/own/run"
	ln -s "$WORK/bpffs/own" "$WORK/own/run/bpf"
	chmod 755 "$WORK/bpffs"
	chown -R "$NOBODY:$NOBODY" "$WORK/bpffs/own" "$WORK/own"
	chmod -R a+rX "$BATS_RUN_TMPDIR"
	sed -i "s|^run: .*|run: \"$WORK/own/run\"|" "$WORK/flowtally.yaml"
	spawn router "$WORK/agent.log" setpriv --reuid="$NOBODY" --regid="$NOBODY" --clear-groups \
		--inh-caps=+bpf,+net_admin --ambient-caps=+bpf,+net_admin --bounding-set=-all,+bpf,+net_admin \
		"$FLOWTALLY" agent -c "$WORK/flowtally.yaml"
	AGENT=$!
	eventually 10 agent_is_ready
}

@test "who has the same user reads no memory of the agent, its broker or the process of its hooks" {
	local pid pids file

	write_config textfile="$WORK/own/flowtally.prom" state="$WORK/own/state"
	cat >"$WORK/lines.yaml" <<-END
		  json-lines:
		    - { path: "$WORK/own/lines", form: flowlog, hooks: [{ shell: cat }] }
	END
	sed -i "/^export:/r $WORK/lines.yaml" "$WORK/flowtally.yaml"
	start_as_nobody
	mapfile -t pids < <(echo "$AGENT" && pgrep -P "$AGENT")
	same 3 "${#pids[@]}"
	for pid in "${pids[@]}"; do
		same "$NOBODY" "$(awk '$1 == "Uid:" { print $2 }' "/proc/$pid/status")"
		for file in environ maps mem; do
			fails as_nobody head -c 1 "/proc/$pid/$file"
		done
	done
	# It still knows itself.
	ask metrics | grep -E '^process_open_fds [1-9]'
}
