#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What the image holds: flowtally and what it needs to run, and nothing of what it was built with.

load ../e2e/lib
load podman

IMAGE=localhost/flowtally

setup() {
	setup_podman
}

teardown() {
	teardown_podman
}

# run_image PROGRAM ARGUMENT...: without any right
run_image() {
	local program=$1

	shift
	podman run --rm --network none --cap-drop all --read-only --entrypoint "$program" "$IMAGE" "$@"
}

# The files of the image, one a line, without a "/" at the beginning.
files() {
	podman create --name "$CONTAINER" "$IMAGE" >/dev/null
	podman export "$CONTAINER" | tar -t | grep -v '/$'
}

@test "the image holds no compiler and no headers" {
	files >"$WORK/files"
	grep -qx usr/local/sbin/flowtally "$WORK/files"
	fails grep -E '/bin/(.*-)?(as|bpftool|c\+\+|cc|clang|cpp|g\+\+|gcc|ld|llc|make)(-[0-9.]+)?$' "$WORK/files"
	fails grep -E '^usr/(include|src)/|^(usr/)?lib/modules/|\.[ao]$|/vmlinux' "$WORK/files"
}

@test "the image holds no package for development" {
	# shellcheck disable=SC2016  # the dollar is dpkg-query's
	run_image dpkg-query -W -f '${Package}\n' >"$WORK/packages"
	grep -qx libbpf1 "$WORK/packages"
	fails grep -E '^(binutils|bpftool|clang|linux-|llvm|make)|^g(cc|\+\+)(-[0-9]+)?$|-dev$' "$WORK/packages"
}

@test "the program in the image runs, and finds no fault with the configuration in it" {
	same "$("$FLOWTALLY" version)" "$(run_image flowtally version)"
	run_image flowtally check
}

@test "the image is smaller than 100 MB" {
	local size

	size=$(podman image inspect --format '{{.Size}}' "$IMAGE")
	echo "$size octets"
	((size < 100000000))
}
