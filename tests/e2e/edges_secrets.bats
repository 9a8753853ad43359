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

@test "flowtally check warns of secrets that everybody may read, and the agent does" {
	local warning

	write_config collectors="[{ address: \"127.0.0.1:4742\", transport: tls,
		tls: { ca: $WORK/a.pem, certificate: $WORK/a.pem, key: $WORK/a.key } }]"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=a \
		-keyout "$WORK/a.key" -out "$WORK/a.pem" 2>/dev/null
	# shellcheck disable=SC2016  # the dollars are of bcrypt
	echo 'basic_auth_users: { alice: "$2y$04$abcdefghijklmnopqrstuuFmEfrkTQnczNzw475xE2VhDrK1uwJiC" }' >"$WORK/web.yaml"
	sed -i "s|^export:|export:\n  http: { web-config: \"$WORK/web.yaml\" }|" "$WORK/flowtally.yaml"
	chmod 640 "$WORK/a.key" "$WORK/web.yaml"
	same "$WORK/flowtally.yaml: ok" "$("$FLOWTALLY" check -c "$WORK/flowtally.yaml" 2>&1)"
	chmod 644 "$WORK/a.key" "$WORK/web.yaml"
	start_agent
	for warning in "export.ipfix.collectors[0].tls.key: everybody may read $WORK/a.key, which is a secret" \
		"export.http.web-config: everybody may read $WORK/web.yaml, which is a secret"; do
		"$FLOWTALLY" check -c "$WORK/flowtally.yaml" 2>&1 | grep -Fx "$WORK/flowtally.yaml: warning: $warning"
		grep -Fx "flowtally: $warning" "$WORK/agent.log"
	done
}

# has_in_memory TEXT: the agent does, as whoever may do everything sees it
has_in_memory() {
	/usr/bin/python3 - "$AGENT" "$1" <<-'END'
		import re, sys
		pid, wanted = sys.argv[1], sys.argv[2].encode()
		with open("/proc/%s/mem" % pid, "rb", 0) as memory:
		    for line in open("/proc/%s/maps" % pid):
		        begin, end, mode = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()
		        if not mode.startswith("rw"):
		            continue
		        memory.seek(int(begin, 16))
		        try:
		            contents = memory.read(int(end, 16) - int(begin, 16))
		        except OSError:
		            continue
		        if wanted in contents:
		            sys.exit(0)
		sys.exit(1)
	END
}

@test "of the file with the key to collectors nothing stays in memory" {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=a -keyout "$WORK/a.key" -out "$WORK/a.pem" 2>/dev/null
	write_config collectors="[{ address: \"127.0.0.1:4742\", transport: tls,
		tls: { ca: $WORK/a.pem, certificate: $WORK/a.pem, key: $WORK/a.key } }]"
	start_agent
	has_in_memory "$WORK/a.key"
	fails has_in_memory "$(sed -n 5p "$WORK/a.key")"
	fails has_in_memory "$(tail -n 3 "$WORK/a.key" | head -n 1)"
}
