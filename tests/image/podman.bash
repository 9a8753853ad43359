# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the tests of the image share beside tests/e2e/lib.bash: podman with a storage of its own for each test,
# above that of `make image`, and the agent in a container as misc/container/docker-compose.yml has it, but for
# two things: the container is in the lab's router instead of the host's network namespace, and a directory of
# the host is one below $HOST.

COMPOSE=$ROOT/misc/container/docker-compose.yml
CONTAINER=flowtally

# To be called by setup(), after setup_lab where a lab is needed.
setup_podman() {
	if ((EUID != 0)); then
		skip "needs root"
	fi
	WORK=$BATS_TEST_TMPDIR
	HOST=$WORK/host
	HOLDER=
	mkdir -p "$WORK/podman" "$HOST/sys/fs/bpf"
	mount -t bpf bpffs "$HOST/sys/fs/bpf"
	cat >"$WORK/podman/storage.conf" <<-END
		[storage]
		driver = "overlay"
		graphroot = "$WORK/podman/storage"
		runroot = "$WORK/podman/run"
		[storage.options]
		additionalimagestores = ["$BUILD/image/storage"]
	END
	# Locks are files: those in shared memory would be one pool with the system's podman.
	cat >"$WORK/podman/containers.conf" <<-END
		[containers]
		log_driver = "k8s-file"
		$(limits_for_the_weak)
		$(no_cgroups_where_hybrid)
		[engine]
		events_logger = "none"
		lock_type = "file"
		tmp_dir = "$WORK/podman/tmp"
	END
	PODMAN=(env "CONTAINERS_CONF=$WORK/podman/containers.conf"
		"CONTAINERS_STORAGE_CONF=$WORK/podman/storage.conf")
	if has_hybrid_cgroups; then
		hold_unified_cgroups
		PODMAN+=(nsenter "--mount=/proc/$HOLDER/ns/mnt")
	fi
	PODMAN+=(podman)
}

# To be called by teardown(), before teardown_lab. The log is shown where a test has failed.
teardown_podman() {
	if [[ -z ${PODMAN:-} ]]; then
		return
	fi
	if [[ -z ${BATS_TEST_COMPLETED:-} ]] && podman container exists "$CONTAINER"; then
		podman logs --tail 50 "$CONTAINER" || :
	fi
	podman rm --all --force --time 5 >/dev/null || :
	if [[ -n $HOLDER ]]; then
		kill "$HOLDER"
		wait "$HOLDER" || :
	fi
	umount -l "$HOST/sys/fs/bpf"
}

# 3 is bats' own descriptor, and what watches over a container would keep it.
podman() {
	"${PODMAN[@]}" "$@" 3>&-
}

# --- where podman needs help

# podman raises limits, which root may not without CAP_SYS_RESOURCE (24).
limits_for_the_weak() {
	local capabilities

	capabilities=$(awk '$1 == "CapEff:" { print $2 }' /proc/self/status)
	if ! ((0x$capabilities >> 24 & 1)); then
		echo 'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]'
	fi
}

# podman knows cgroup v1 and v2, but not both at once. There it makes no cgroup, and sees v2 alone, in a mount
# namespace that a process holds open.
has_hybrid_cgroups() {
	[[ -e /sys/fs/cgroup/unified/cgroup.procs ]]
}

no_cgroups_where_hybrid() {
	if has_hybrid_cgroups; then
		echo 'cgroups = "disabled"'
	fi
}

hold_unified_cgroups() {
	setpriv --pdeathsig TERM unshare --mount sh -c '
		umount -R /sys/fs/cgroup
		mount -t cgroup2 cgroup2 /sys/fs/cgroup
		exec sleep infinity' >"$WORK/podman/holder.log" 2>&1 </dev/null 3>&- &
	HOLDER=$!
	eventually 10 holds_unified_cgroups
}

holds_unified_cgroups() {
	grep -qs ' /sys/fs/cgroup cgroup2 ' "/proc/$HOLDER/mounts"
}

# --- the agent in a container

# What docker-compose makes of the file, after its own rules; fails where these are broken.
compose_service() {
	local config

	config=$(docker-compose -f "$COMPOSE" config) || return
	python3 -c 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)' <<<"$config" |
		jq .services.flowtally
}

# The options of `podman run`, one a line, from such a service. A key that is not known here is an error.
# shellcheck disable=SC2016  # the dollars are jq's
podman_options() {
	jq -r --arg host "$HOST" '
		(keys - ["build", "cap_add", "cap_drop", "image", "network_mode", "read_only", "restart",
			"security_opt", "volumes"]) as $unknown |
		if $unknown != [] then error("not known to the tests: \($unknown)") else . end |
		if .network_mode != "host" then error("network_mode is not host") else . end |
		"--cap-drop=\(.cap_drop[])",
		"--cap-add=\(.cap_add[])",
		"--security-opt=\(.security_opt[])",
		"--read-only=\(.read_only)",
		"--read-only-tmpfs=false",
		"--volume=\($host)\(.volumes[])"'
}

# start_container: the one before it must have ended. Docker makes directories that are to be mounted, so they are
# made for podman.
start_container() {
	local service directory options

	service=$(compose_service)
	options=$(podman_options <<<"$service")
	mapfile -t options <<<"$options"
	while read -r directory; do
		mkdir -p "$HOST$directory"
	done < <(jq -r '.volumes[] | split(":")[0]' <<<"$service")
	podman rm --ignore "$CONTAINER" >/dev/null
	podman run --detach --name "$CONTAINER" --network "ns:/run/netns/$LAB-router" \
		"${options[@]}" "$(jq -r .image <<<"$service")" >/dev/null
	eventually 10 container_is_ready
}

container_is_ready() {
	same true "$(podman inspect --format '{{.State.Running}}' "$CONTAINER")" && ask status
}

# stop_container: as `docker stop` does; fails if the agent says that it failed.
stop_container() {
	podman stop --time 30 "$CONTAINER" >/dev/null
	same 0 "$(podman wait "$CONTAINER")"
}

kill_container() {
	podman kill --signal KILL "$CONTAINER" >/dev/null
	same 137 "$(podman wait "$CONTAINER")"
}

# ask hosts|ledger|status [OPTION]...: from the host, through the socket in the mounted directory.
ask() {
	local what=$1

	shift
	"$FLOWTALLY" "$what" -r "$HOST/run/flowtally" "$@"
}

# ask_inside hosts|ledger|status [OPTION]...: in the container.
ask_inside() {
	podman exec "$CONTAINER" flowtally "$@"
}
