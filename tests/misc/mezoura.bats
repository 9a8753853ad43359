#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# misc/mezoura/mezoura: Mezoura's options become a configuration that flowtally accepts. By busybox's shell, as on
# the routers that have Mezoura.

load lib

setup() {
	WORK=$BATS_TEST_TMPDIR
}

mezoura() {
	busybox sh "$ROOT/misc/mezoura/mezoura" "$@"
}

# shows OPTION...: standard input is the configuration, without what is the same in all
shows() {
	mezoura -n "$@" >"$WORK/yaml"
	same "$(cat)" "$(sed -e '/^#/d' -e '/^  names:/,/^metrics:/d' "$WORK/yaml")"
	same '  names:
    - { uci: /etc/config/dhcp }
    - { dnsmasq: /tmp/dhcp.leases }
    - { odhcpd: /tmp/hosts/odhcpd }
history: { max-mib: 2 }
metrics: { compat: [mezoura] }' "$(sed -n '/^  names:/,/^metrics:/p' "$WORK/yaml")"
	is_valid "$WORK/yaml"
}

# refuses REASON OPTION...: in one line, then the usage
refuses() {
	local reason=$1

	shift
	run mezoura -n "$@"
	same "2 mezoura: $reason" "$status ${lines[0]}"
	same 2 "${#lines[@]}"
	[[ ${lines[1]} == "usage: mezoura "* ]]
}

@test "one subnet" {
	shows -4 192.168.2.1/24/br-lan <<-'END'
		interval: 5s
		interfaces:
		  - { match: 'br-lan', side: lan, local: [192.168.2.0/24] }
		hosts:
		export:
		  textfile: { path: '/tmp/prom_c' }
		  http: { listen: [] }
	END
}

@test "more subnets than Mezoura had room for, some on one interface" {
	shows -t 10 -4 192.168.2.1/24/br-lan -4 192.168.3.3/25/br-guest -4 10.1.2.3/9/br-lan -4 10.4.4.4/32/eth0.7 \
		-4 10.5.5.5/31/wlan0-1 -4 172.16.9.9/12/br_iot -4 192.168.2.9/24/br-lan <<-'END'
			interval: 10s
			interfaces:
			  - { match: 'br-lan', side: lan, local: [192.168.2.0/24, 10.0.0.0/9, 192.168.2.0/24] }
			  - { match: 'br-guest', side: lan, local: [192.168.3.0/25] }
			  - { match: 'eth0.7', side: lan, local: [10.4.4.4/32] }
			  - { match: 'wlan0-1', side: lan, local: [10.5.5.4/31] }
			  - { match: 'br_iot', side: lan, local: [172.16.0.0/12] }
			hosts:
			export:
			  textfile: { path: '/tmp/prom_c' }
			  http: { listen: [] }
		END
}

@test "delegated prefixes are local, and not the internet" {
	shows -4 192.168.2.1/24/br-lan -6 2001:db8:ca2:ffff::1/52 -6 fd00::/8 -6 2001:db8:1:2:3:4:5:6/128 -f "/tmp/it's" <<-'END'
		interval: 5s
		interfaces:
		  - { match: 'br-lan', side: lan, local: [192.168.2.0/24, '2001:db8:ca2:f000:0:0:0:0/52', 'fd00:0:0:0:0:0:0:0/8', '2001:db8:1:2:3:4:5:6/128'] }
		hosts:
		  not-internet: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, 169.254.0.0/16, 127.0.0.0/8, 224.0.0.0/4, 255.255.255.255/32, 'fe80::/10', 'fc00::/7', 'ff00::/8', '::1/128', '2001:db8:ca2:f000:0:0:0:0/52', 'fd00:0:0:0:0:0:0:0/8', '2001:db8:1:2:3:4:5:6/128']
		export:
		  textfile: { path: '/tmp/it''s' }
		  http: { listen: [] }
	END
	sed -n '/not-internet:/,/^$/p' "$ROOT/config/flowtally.yaml" | sed -n 's/^    - //p' >"$WORK/defaults"
	while read -r default; do
		grep -Eq "^  not-internet:.*[ ['\"]${default}['\",]" "$WORK/yaml"
	done <"$WORK/defaults"
	[[ -s $WORK/defaults ]]
}

@test "HTTP is off until it is asked for" {
	mezoura -n -p 8080 -4 192.168.2.1/24/br-lan | grep -qxF '  http: { listen: [] }'
	shows -e -4 192.168.2.1/24/br-lan <<-'END'
		interval: 5s
		interfaces:
		  - { match: 'br-lan', side: lan, local: [192.168.2.0/24] }
		hosts:
		export:
		  textfile: { path: '/tmp/prom_c' }
		  http: { listen: ['0.0.0.0:9999'] }
	END
	mezoura -n -ep 8080 -4 192.168.2.1/24/br-lan | grep -qxF "  http: { listen: ['0.0.0.0:8080'] }"
}

@test "bad options are refused in one line" {
	local good=192.168.2.1/24/br-lan

	refuses "-4 is missing"
	refuses "-4 is missing" -6 2001:db8::/48
	refuses "-x: there is no such option" -x
	refuses "-4: it needs a value" -4
	refuses "more: unexpected argument" -4 "$good" more
	refuses "-4 192.168.2.1/24: it is not ADDRESS/LENGTH/INTERFACE" -4 192.168.2.1/24
	refuses '-4 192.168.2.1/24/: "" is not an interface'"'s name" -4 192.168.2.1/24/
	refuses '-4 192.168.2.1/24/a b: "a b" is not an interface'"'s name" -4 '192.168.2.1/24/a b'
	# shellcheck disable=SC2016  # as it is
	refuses '-4 192.168.2.1/24/$(id): "$(id)" is not an interface'"'s name" -4 '192.168.2.1/24/$(id)'
	for address in 192.168.2.1/0 192.168.2.1/33 192.168.2.1/ 192.168.2.256/24 192.168.2/24 1.2.3.4.5/8 /24 1..2.3/8 \
		01.2.3.4/8 1.2.3.-4/8; do
		refuses "-4 $address/lan: \"$address\" is not an IPv4 address with a length from 1 to 32" -4 "$address/lan"
	done
	refuses "-6 2001:db8::: it is not ADDRESS/LENGTH" -4 "$good" -6 2001:db8::
	for address in 2001:db8::/0 2001:db8::/129 2001:db8/32 :::/8 1::2::3/8 12345::/16 g::/16 1:2:3:4:5:6:7:8:9/8 \
		1:2:3:4:5:6:7::8/8 :1::/8 1:/8; do
		refuses "-6 $address: it is not an IPv6 address with a length from 1 to 128" -4 "$good" -6 "$address"
	done
	for number in 0 65536 http -1 '' 99999999999999999999; do
		refuses "-p $number: it is not a port from 1 to 65535" -4 "$good" -p "$number"
	done
	for number in 0 3601 5s ''; do
		refuses "-t $number: it is not a number of seconds from 1 to 3600" -4 "$good" -t "$number"
	done
}

@test "the usage can be asked for" {
	run mezoura -h
	same 0 "$status"
	[[ $output == "usage: mezoura "* ]]
}

@test "what cannot be written is said" {
	run mezoura -4 192.168.2.1/24/br-lan -c /dev/null/mezoura.yaml
	same 1 "$status"
	[[ ${lines[-1]} == "mezoura: /dev/null/mezoura.yaml: it cannot be written" ]]
}

@test "the agent is run with the configuration that is shown" {
	mkdir "$WORK/bin"
	ln -s "$FLOWTALLY" "$WORK/bin/flowtally"
	# Without one that is known, it says so and ends; the file is what it was given.
	PATH=$WORK/bin:$PATH run mezoura -4 192.168.2.1/24/br-lan -f relative -c "$WORK/run/m.yaml"
	((status != 0))
	[[ $output == *"$WORK/run/m.yaml:"*"export.textfile.path: "* ]]
	same "$(mezoura -n -4 192.168.2.1/24/br-lan -f relative)" "$(cat "$WORK/run/m.yaml")"
}
