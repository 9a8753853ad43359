# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034  # variables are for the tests
#
# What the tests of misc/openwrt share: a router without OpenWrt, that is a directory to chroot into with busybox, our
# package as its recipe installs it, and stand-ins for the few files of OpenWrt's that it meets (tests/misc/openwrt).

RECIPE=$ROOT/misc/openwrt/flowtally
STAND_INS=$BATS_TEST_DIRNAME/openwrt

# recipe NAME TARGET [ARGUMENT]...: runs that recipe
recipe() {
	local name=$1

	shift
	make_in "$ROOT/misc/openwrt/$name" TOPDIR="$STAND_INS" WORK="$WORK/openwrt" "$@"
}

# make_in DIRECTORY ARGUMENT...: as if no make had started the test
make_in() {
	env -u MAKEFLAGS -u MAKELEVEL make -s -C "$@"
}

# The agent and the libraries that it loads.
install_agent() {
	local library

	install -D "$FLOWTALLY" "$ROUTER/usr/sbin/flowtally"
	for library in $(ldd "$FLOWTALLY" | grep -o '/[^ ]*'); do
		install -D "$library" "$ROUTER$library"
	done
}

setup_router() {
	if ((EUID != 0)); then
		skip "needs root"
	fi
	WORK=$BATS_TEST_TMPDIR
	ROUTER=$WORK/router
	mkdir -p "$ROUTER"/{bin,dev,etc/config,lib/functions,tmp}
	ln -s tmp "$ROUTER/var"
	install "$(command -v busybox)" "$ROUTER/bin/busybox"
	chroot "$ROUTER" /bin/busybox --install -s /bin
	install "$STAND_INS/functions.sh" "$ROUTER/lib/functions.sh"
	install "$STAND_INS/network.sh" "$ROUTER/lib/functions/network.sh"
	install "$STAND_INS/rc.common" "$ROUTER/etc/rc.common"
	echo 'lan br-lan' >"$ROUTER/networks"
	install_agent
	# Of the recipe all but the program, which takes long to build.
	mkdir -p "$WORK/openwrt/build"
	install -D "$FLOWTALLY" "$WORK/openwrt/flowtally-$(recipe flowtally show NAME=PKG_VERSION)/build/flowtally"
	recipe flowtally install DESTDIR="$ROUTER"
}

on_router() {
	chroot "$ROUTER" /bin/env -i PATH=/usr/sbin:/bin "$@"
}

# uci PACKAGE: the file /etc/config/PACKAGE is standard input
uci() {
	cat >"$ROUTER/etc/config/$1"
}

# Into $WORK/yaml and $WORK/faults.
convert() {
	on_router sh /usr/lib/flowtally/uci-to-yaml >"$WORK/yaml" 2>"$WORK/faults"
}
