#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The package for OpenWrt on a router of busybox: what UCI says becomes a configuration that flowtally accepts, and
# what procd is told.

load lib
load openwrt

setup() {
	setup_router
}

teardown() {
	teardown_lab
}

# is_yaml: $WORK/yaml is standard input, but for the first line and the last, which are always the same, and the little
# history without a state on a disk
is_yaml() {
	same "$(cat)" "$(sed -e 1d -e '$d' -e '/^history:$/{N;/\n  max-mib: 2$/d}' "$WORK/yaml")"
	if ! grep -q '^state:' "$WORK/yaml"; then
		grep -qx 'history:' "$WORK/yaml"
	fi
	same '# Made of /etc/config/flowtally by /etc/init.d/flowtally: changes here are lost.' "$(head -n 1 "$WORK/yaml")"
	same 'run: "/var/run/flowtally"' "$(tail -n 1 "$WORK/yaml")"
	is_valid "$WORK/yaml"
}

is_refused() {
	fails convert
	same "$1" "$(cat "$WORK/faults")"
	same '' "$(cat "$WORK/yaml")"
}

@test "the default configuration meters lan, with names from the files that OpenWrt has" {
	uci dhcp <<-'END'
		config dnsmasq
			option domainneeded '1'
			option local '/lan/'
			option leasefile '/tmp/dhcp.leases'
			list interface 'lan'

		config dhcp 'lan'
			option interface 'lan'
			option start '100'

		config odhcpd 'odhcpd'
			option maindhcp '0'
			option leasefile '/tmp/hosts/odhcpd'
	END
	convert
	same '' "$(cat "$WORK/faults")"
	is_yaml <<-'END'
		interval: 10s
		interfaces:
		  - match: "br-lan"
		    side: "lan"
		hosts:
		  names:
		    - { dnsmasq: "/tmp/dhcp.leases" }
		    - { odhcpd: "/tmp/hosts/odhcpd" }
		    - { uci: "/etc/config/dhcp" }
	END
}

@test "the default configuration shows every option, each as it may be" {
	local type option

	sed -E -e 's/^#(config|\toption|\tlist)/\1/' -e 's/^\t#(option|list)/\t\1/' "$RECIPE/files/flowtally.config" | uci flowtally
	convert
	same '' "$(cat "$WORK/faults")"
	is_valid "$WORK/yaml"
	# All that the script knows.
	sed -n '/^options_of/,/^}/s/^\t\([a-z]*\)) echo \(.*\) ;;$/\1 \2/p' "$RECIPE/files/uci-to-yaml.sh" |
		while read -r type options; do
			for option in $options; do
				awk -v type="$type" '/^config/ { is_of = $2 == type } is_of' "$ROUTER/etc/config/flowtally" | grep -Eq "^	(option|list) $option '" ||
					echo "not shown: $type: $option"
			done
			echo "$type"
		done >"$WORK/types"
	same 'flowtally interface device metrics history ipfix collector' "$(xargs <"$WORK/types")"
}

@test "several bridges, by network and by pattern, each with its settings" {
	printf '%s\n' 'lan br-lan' 'guest br-guest' 'wan pppoe-wan' >"$ROUTER/networks"
	uci flowtally <<-'END'
		config flowtally 'main'
			option enabled '1'
			option interval '500ms'
			list names 'none'

		config interface 'home'
			list network 'lan'
			list network 'guest'
			option side 'lan'
			option hook 'clsact'
			option order 'last'

		config interface
			option network 'wan'
			option side 'wan'
			option alias 'fibre'

		config interface
			list match 'wg*'
			list match '~tun\d+'
			list exclude 'wg9'
			list exclude 'tun0'

		config interface
			option match 'eth7'
			option enabled '0'
	END
	convert
	is_yaml <<-'END'
		interval: "500ms"
		interfaces:
		  - match: "br-lan"
		    side: "lan"
		    hook: "clsact"
		    order: "last"
		  - match: "br-guest"
		    side: "lan"
		    hook: "clsact"
		    order: "last"
		  - match: "pppoe-wan"
		    side: "wan"
		    alias: "fibre"
		  - match: "wg*"
		    exclude: ["wg9", "tun0"]
		  - match: "~tun\\d+"
		    exclude: ["wg9", "tun0"]
	END
}

@test "interfaces with prefixes, as Mezoura takes them" {
	uci flowtally <<-'END'
		config flowtally 'main'
			option interval '5'
			option textfile '/tmp/prom_c'
			list names 'none'

		config interface
			option match 'br-lan'
			option side 'lan'
			list local '192.168.2.0/24'
			list local '2001:db8:ca2::/48'

		config interface
			option match 'br-iot'
			option side 'lan'
			option local '192.168.3.0/24'
	END
	convert
	is_yaml <<-'END'
		interval: 5s
		interfaces:
		  - match: "br-lan"
		    side: "lan"
		    local: ["192.168.2.0/24", "2001:db8:ca2::/48"]
		  - match: "br-iot"
		    side: "lan"
		    local: ["192.168.3.0/24"]
		export:
		  textfile:
		    path: "/tmp/prom_c"
	END
}

@test "all options" {
	uci flowtally <<-'END'
		config flowtally 'main'
			option enabled 'yes'
			option interval '1m'
			list local '192.168.1.0/24'
			list not_internet '10.0.0.0/8'
			list not_internet 'fc00::/7'
			option max_hosts '1000'
			option address_age '86400'
			list names 'none'
			list compat 'mezoura'
			option textfile '/var/prometheus/flowtally.prom'
			option state '/mnt/sda1/flowtally'

		config interface
			option match 'br-lan'

		config device
			option mac '02:00:00:00:00:01'
			list also '02:00:00:00:00:11'
			list also '02:00:00:00:00:12'

		config device
			option mac '02:00:00:00:00:02'
			option also '02:00:00:00:00:21'

		config metrics
			option max_hosts '500'
			option idle '2h'

		config history
			option keep '7d'
			option max_mib '8'

		config ipfix
			option observation_domain '7'
			option enterprise_number '32473'
			option template_refresh '30'
			option message_size '1200'

		config collector
			option address '192.0.2.4:4739'

		config collector
			option address '[2001:db8::4]:4739'
			option transport 'udp'
			list records 'hosts'
			option enterprise 'full'
			option layer2_octets 'on'

		config collector
			option address '192.0.2.5:4739'
			option enabled '0'
	END
	convert
	is_yaml <<-'END'
		interval: "1m"
		interfaces:
		  - match: "br-lan"
		hosts:
		  local: ["192.168.1.0/24"]
		  not-internet: ["10.0.0.0/8", "fc00::/7"]
		  max: "1000"
		  address-age: 86400s
		  merge:
		    - mac: "02:00:00:00:00:01"
		      also: ["02:00:00:00:00:11", "02:00:00:00:00:12"]
		    - mac: "02:00:00:00:00:02"
		      also: ["02:00:00:00:00:21"]
		metrics:
		  max-hosts: "500"
		  idle: "2h"
		  compat: ["mezoura"]
		export:
		  ipfix:
		    observation-domain: "7"
		    enterprise-number: "32473"
		    template-refresh: 30s
		    message-size: "1200"
		    collectors:
		      - address: "192.0.2.4:4739"
		      - address: "[2001:db8::4]:4739"
		        transport: "udp"
		        records: ["hosts"]
		        enterprise: "full"
		        layer2-octets: true
		  textfile:
		    path: "/var/prometheus/flowtally.prom"
		history:
		  keep: "7d"
		  max-mib: "8"
		state: "/mnt/sda1/flowtally"
	END
}

@test "HTTP on several addresses, and on none" {
	uci flowtally <<-'END'
		config flowtally
			list http '127.0.0.1:14739'
			list http '[::1]:14739'
			option web_config '/etc/flowtally/web.yaml'
			list names 'none'
	END
	convert
	is_yaml <<-'END'
		export:
		  http:
		    listen: ["127.0.0.1:14739", "[::1]:14739"]
		    web-config: "/etc/flowtally/web.yaml"
	END
	uci flowtally <<-'END'
		config flowtally
			list http 'none'
			list names 'none'
	END
	convert
	is_yaml <<-'END'
		export:
		  http:
		    listen: []
	END
}

@test "whatever is missing has flowtally's default" {
	uci flowtally </dev/null
	uci dhcp </dev/null
	convert
	is_yaml <<-'END'
		hosts:
		  names:
		    - { uci: "/etc/config/dhcp" }
	END
	rm "$ROUTER/etc/config/dhcp"
	convert
	is_valid "$WORK/yaml"
}

@test "names are those that are listed, in that order" {
	uci dhcp <<-'END'
		config dnsmasq 'main'

		config dnsmasq 'guest'
			option leasefile '/tmp/guest.leases'

		config dnsmasq 'other'
			option leasefile '/tmp/dhcp.leases'
	END
	uci flowtally <<-'END'
		config flowtally 'main'
			list names 'ethers:/etc/ethers'
			list names 'uci'
			list names 'dnsmasq'
			list names 'dnsmasq:/tmp/guest.leases'
			list names 'odhcpd'
	END
	convert
	is_yaml <<-'END'
		hosts:
		  names:
		    - { ethers: "/etc/ethers" }
		    - { uci: "/etc/config/dhcp" }
		    - { dnsmasq: "/tmp/dhcp.leases" }
		    - { dnsmasq: "/tmp/guest.leases" }
	END
}

@test "odd quoting, blanks, quotes and comments arrive as UCI means them" {
	uci flowtally <<-'END'
		package flowtally
		# option interval '1'
		config flowtally main   # a comment
			option interval   "2"
			option	names	none

		config interface
			option match br\-lan
			option alias 'It'\''s "ours", \ and $HOME and `id`'
		config 'interface'
			list match "eth\*#1"
			option alias '# Küche: [1, 2] {a} & *b !c %d'
		config interface
			option match 'br'"-"lan2
			option alias 'first
		second	third'
	END
	convert
	same '' "$(cat "$WORK/faults")"
	sed -i 's/\\nsecond\\tthird/ second third/' "$WORK/yaml"
	is_yaml <<-'END'
		interval: 2s
		interfaces:
		  - match: "br-lan"
		    alias: "It's \"ours\", \\ and $HOME and `id`"
		  - match: "eth*#1"
		    alias: "# Küche: [1, 2] {a} & *b !c %d"
		  - match: "br-lan2"
		    alias: "first second third"
	END
}

@test "a value cannot become a setting" {
	uci flowtally <<-'END'
		config flowtally 'main'
			list names 'none'
		config interface
			option match 'br-lan'
			option alias 'home"
		state: "/etc'
	END
	convert
	fails grep -q '^state' "$WORK/yaml"
	grep -qxF '    alias: "home\"\nstate: \"/etc"' "$WORK/yaml"
}

@test "a glob in an option of words stays what it is" {
	uci flowtally <<-'END'
		config flowtally 'main'
			option names 'none'
		config interface
			option match '*'
			option exclude 'e* b?n'
	END
	convert
	is_yaml <<-'END'
		interfaces:
		  - match: "*"
		    exclude: ["e*", "b?n"]
	END
}

@test "a network that is down is left out, and said" {
	uci flowtally <<-'END'
		config flowtally 'main'
			list names 'none'
		config interface
			list network 'vpn'
	END
	convert
	same 'flowtally: network vpn: it is down, or there is none' "$(cat "$WORK/faults")"
	is_yaml <<-'END'
		interfaces: []
	END
}

@test "what is misspelt or missing is said, and nothing comes out" {
	echo "config flowtaly 'main'" | uci flowtally
	is_refused 'flowtally: /etc/config/flowtally: section main: no type of sections is called flowtaly'
	printf '%s\n' "config interface 'home'" "	option match 'br-lan'" "	option alais 'x'" | uci flowtally
	is_refused 'flowtally: /etc/config/flowtally: section home: no option is called alais'
	printf '%s\n' "config interface 'home'" "	list matches 'br-lan'" "	option side 'lan'" | uci flowtally
	is_refused 'flowtally: /etc/config/flowtally: section home: no option is called matches
flowtally: /etc/config/flowtally: section home: an interface needs a network or a match'
	echo "config device 'tv'" | uci flowtally
	is_refused 'flowtally: /etc/config/flowtally: section tv: a device needs a mac'
	echo "config collector 'nfdump'" | uci flowtally
	is_refused 'flowtally: /etc/config/flowtally: section nfdump: a collector needs an address'
	printf '%s\n' "config collector 'c'" "	option address '192.0.2.1:1'" "	option layer2_octets 'maybe'" | uci flowtally
	is_refused 'flowtally: /etc/config/flowtally: section c: layer2_octets: maybe: neither 1 nor 0'
	printf '%s\n' "config flowtally 'a'" "config flowtally 'b'" | uci flowtally
	is_refused 'flowtally: /etc/config/flowtally: section b: there can be one section of type flowtally'
	printf '%s\n' "config flowtally 'a'" "	list names 'ethers'" | uci flowtally
	is_refused 'flowtally: /etc/config/flowtally: names: ethers: it needs a file, as in ethers:/etc/ethers'
	rm "$ROUTER/etc/config/flowtally"
	is_refused 'flowtally: /etc/config/flowtally: cannot be read'
}

# --- the init script

init() {
	on_router /etc/init.d/flowtally "$@"
}

@test "the start writes the configuration and tells procd how to run the agent" {
	printf '%s\n' "config flowtally 'main'" "	option textfile '/var/prometheus/f.prom'" "	list names 'none'" \
		"config interface" "	list network 'lan'" "	list network 'guest'" | uci flowtally
	same 'open_instance
set_param command /usr/sbin/flowtally agent -c /var/etc/flowtally.yaml
set_param file /var/etc/flowtally.yaml
set_param reload_signal HUP
set_param nice 19
set_param respawn
set_param stderr 1
set_param term_timeout 15
close_instance
add_reload_trigger flowtally dhcp
add_reload_interface_trigger lan
add_reload_interface_trigger guest' "$(init start 2>"$WORK/log")"
	same 'logger: daemon.err flowtally: network guest: it is down, or there is none' \
		"$(sed 's/^.*flowtally: flowtally/logger: daemon.err flowtally/' "$WORK/log")"
	[[ -d $ROUTER/tmp/prometheus ]]
	on_router flowtally check -c /var/etc/flowtally.yaml
	same /var/etc/flowtally.yaml "$(readlink "$ROUTER/etc/flowtally/flowtally.yaml")"
	same flowtally.yaml "$(ls "$ROUTER/tmp/etc")"
}

@test "a disabled service is none" {
	printf '%s\n' "config flowtally 'main'" "	option enabled '0'" | uci flowtally
	same 'add_reload_trigger flowtally dhcp' "$(init start)"
	[[ ! -e $ROUTER/tmp/etc/flowtally.yaml ]]
}

@test "a configuration that is refused is logged and does not start" {
	printf '%s\n' "config flowtally 'main'" "	option interval 'soon'" "	list names 'none'" | uci flowtally
	run init start
	same 1 "$status"
	[[ $output == *"/var/etc/flowtally.yaml.new:2: interval: "* ]]
	[[ $output != *open_instance* ]]
	same '' "$(ls "$ROUTER/tmp/etc")"
}

@test "a reload that is refused leaves the agent and its configuration as they were" {
	local before

	printf '%s\n' "config flowtally 'main'" "	list names 'none'" | uci flowtally
	init start
	before=$(cat "$ROUTER/tmp/etc/flowtally.yaml")
	printf '%s\n' "config flowtally 'main'" "	option intervall '5'" | uci flowtally
	run init reload
	same 0 "$status"
	[[ $output == *"no option is called intervall"* ]]
	[[ $output == *"set_param command /usr/sbin/flowtally agent -c /var/etc/flowtally.yaml"* ]]
	same "$before" "$(cat "$ROUTER/tmp/etc/flowtally.yaml")"
}

counts_the_ping() {
	same '{"download":84,"upload":84}' "$(lab_in "$LAB" router chroot "$ROUTER" /usr/sbin/flowtally hosts -o json |
		jq -c --arg host "$DESKTOP" '.hosts[] | select(.host == $host) | {download: .download.octets, upload: .upload.octets}')"
}

@test "the agent meters by what UCI says, and is asked without options" {
	setup_lab 1
	printf '%s\n' "config flowtally 'main'" "	option interval '200ms'" "	list names 'none'" \
		"	option textfile '/var/prometheus/flowtally.prom'" "config interface" "	list network 'lan'" "	option side 'lan'" |
		uci flowtally
	init start
	mkdir "$ROUTER"/{proc,sys}
	mount -t proc proc "$ROUTER/proc"
	mount -t sysfs sysfs "$ROUTER/sys"
	spawn router "$WORK/agent.log" chroot "$ROUTER" /usr/sbin/flowtally agent -c /var/etc/flowtally.yaml
	# shellcheck disable=SC2034  # for stop_agent
	AGENT=$!
	eventually 10 grep -q ready "$WORK/agent.log"
	desktop ping -c 1 -W 5 "$LAB_INTERNET" >/dev/null
	eventually 10 counts_the_ping
	eventually 10 grep -q "^flowtally_host_upload_bytes_total{host=\"$DESKTOP\",.*} 84$" "$ROUTER/tmp/prometheus/flowtally.prom"
	stop_agent
	[[ ! -e $ROUTER/tmp/prometheus/flowtally.prom ]]
}

# --- the recipes

@test "the package has what it should, and its configuration survives an upgrade" {
	same '/etc/config/flowtally
/etc/flowtally/flowtally.yaml
/etc/init.d/flowtally
/usr/lib/flowtally/uci-to-yaml
/usr/sbin/flowtally' "$(cd "$ROUTER" && find . -path '*flowtally*' ! -type d | sed 's/^.//' | sort)"
	same '/etc/config/flowtally' "$(recipe flowtally show NAME=Package/flowtally/conffiles)"
}

@test "the recipe has the version of the program, and depends on all that it links" {
	local package depends

	same "$(sed -n 's/^VERSION := //p' "$ROOT/Makefile")" "$(recipe flowtally show NAME=PKG_VERSION)"
	depends=" $(recipe flowtally show NAME=DEPENDS) "
	# shellcheck disable=SC2016  # it is for make
	make_in "$ROOT" --eval='print-packages: ; @echo $(PACKAGES)' print-packages | tr ' ' '\n' >"$WORK/packages"
	[[ -s $WORK/packages ]]
	while read -r package; do
		case $package in
		glib-2.0) package=glib2 ;;
		gnutls) package=libgnutls ;;
		libmicrohttpd) package=libmicrohttpd-ssl ;;
		ncursesw) package=libncurses ;;
		yaml-0.1) package=libyaml ;;
		esac
		[[ $depends == *" +$package "* ]] || {
			echo "not among the dependencies: $package"
			false
		}
	done <"$WORK/packages"
	[[ $depends == *" @HAS_BPF_TOOLCHAIN "* ]]
}

@test "the recipe builds from a tree of its own" {
	mkdir -p "$WORK/toolchain"
	ln -s "/usr/include/$(cc -print-multiarch)" "$WORK/toolchain/include"
	rm -r "$WORK/openwrt"
	recipe flowtally prepare compile install DESTDIR="$WORK/root" STAGING_DIR= TOOLCHAIN_DIR="$WORK/toolchain"
	same "$("$FLOWTALLY" version)" "$("$WORK/root/usr/sbin/flowtally" version)"
}

@test "the classifier is built for MIPS of either byte order by the headers of its C library alone" {
	local order

	if [[ ! -e /usr/mips-linux-gnu/include/asm/byteorder.h ]]; then
		skip "needs linux-libc-dev-mips-cross"
	fi
	mkdir -p "$WORK/staging/usr/include"
	ln -s /usr/include/bpf "$WORK/staging/usr/include/bpf"
	for order in 'y big' ' little'; do
		rm -r "$WORK/openwrt"
		recipe flowtally compile WHAT=build/ebpf/meter.bpf.o CONFIG_BIG_ENDIAN="${order% *}" \
			STAGING_DIR="$WORK/staging" TOOLCHAIN_DIR=/usr/mips-linux-gnu
		readelf -h "$WORK"/openwrt/flowtally-*/build/ebpf/meter.bpf.o >"$WORK/header"
		grep -q "Data: .*${order#* } endian" "$WORK/header"
	done
}
