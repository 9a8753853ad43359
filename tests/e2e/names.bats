#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What devices are called: by real DHCP servers and by files of all kinds, without a restart; and that neither files
# that are none nor names of strangers do any harm.

load lib

setup() {
	setup_lab 2
	NAMES=$WORK/names
	mkdir "$NAMES"
}

teardown() {
	teardown_lab
}

# with_names ITEM...: a configuration with these items of hosts.names, each a flow mapping
with_names() {
	local IFS=,

	write_config interval=100ms hosts="{ names: [$*], vendors: \"$NAMES/oui.txt\" }" \
		collectors='[{ address: "127.0.0.1:4740", enterprise: full }]'
}

ping_all() {
	desktop ping -q -c 1 "$LAB_INTERNET" >/dev/null
	phone ping -q -c 1 "$LAB_INTERNET" >/dev/null
	wait_sweeps
}

name_of() {
	ask hosts -o json | jq -r --arg host "$1" '.hosts[] | select(.host == $host).name'
}

is_called() {
	same "$2" "$(name_of "$1")"
}

# source_is INDEX FILTER: of the sources of names in the status
source_is() {
	ask status -o json | jq -e ".names[$1] | $2"
}

# put FILE: standard input takes its place by rename
put() {
	cat >"$NAMES/.new"
	mv "$NAMES/.new" "$NAMES/$1"
}

# --- DHCP servers

# get_lease NAME: the desktop asks for one, and takes no notice of the answer
get_lease() {
	desktop busybox udhcpc -f -q -n -i eth0 -t 20 -T 1 -s /bin/true -x "hostname:$1" >"$WORK/udhcpc.log" 2>&1
}

# names_by_lease: a device that the agent knows without a name gets it by its lease
names_by_lease() {
	eventually 10 get_lease workshop
	eventually 10 is_called "$DESKTOP" workshop
	same "$PHONE" "$(name_of "$PHONE")"
	# and by another lease another one
	eventually 10 get_lease attic
	eventually 10 is_called "$DESKTOP" attic
}

@test "dnsmasq gives a device a lease, and hosts shows its name without a restart" {
	with_names "{ dnsmasq: \"$NAMES/dhcp.leases\" }"
	start_agent
	ping_all
	is_called "$DESKTOP" "$DESKTOP"
	spawn router "$WORK/dnsmasq.log" dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --user=root \
		--pid-file="$WORK/dnsmasq.pid" --interface=br-lan --no-ping \
		--dhcp-range=192.168.2.100,192.168.2.150,1h --dhcp-leasefile="$NAMES/dhcp.leases"
	names_by_lease
	source_is 0 '.kind == "dnsmasq" and .bad_lines == 0 and .error == null'
}

@test "Kea gives a device a lease, and hosts shows its name without a restart" {
	cat >"$WORK/kea.json" <<-END
		{ "Dhcp4": {
			"interfaces-config": { "interfaces": ["br-lan"] },
			"lease-database": { "type": "memfile", "name": "$NAMES/kea-leases4.csv" },
			"subnet4": [{
				"subnet": "192.168.2.0/24",
				"pools": [{ "pool": "192.168.2.100-192.168.2.150" }] }] } }
	END
	with_names "{ kea: \"$NAMES/kea-leases4.csv\" }"
	start_agent
	ping_all
	KEA_LOCKFILE_DIR=$WORK KEA_PIDFILE_DIR=$WORK spawn router "$WORK/kea.log" kea-dhcp4 -c "$WORK/kea.json"
	names_by_lease
	source_is 0 '.kind == "kea" and .bad_lines == 0 and .error == null'
}

@test "ISC's dhcpd gives a device a lease, and hosts shows its name without a restart" {
	echo 'subnet 192.168.2.0 netmask 255.255.255.0 { range 192.168.2.100 192.168.2.150; }' >"$WORK/dhcpd.conf"
	: >"$NAMES/dhcpd.leases"
	with_names "{ isc: \"$NAMES/dhcpd.leases\" }"
	start_agent
	ping_all
	spawn router "$WORK/dhcpd.log" dhcpd -4 -f -d -user root -group root -cf "$WORK/dhcpd.conf" \
		-lf "$NAMES/dhcpd.leases" -pf "$WORK/dhcpd.pid" br-lan
	names_by_lease
	source_is 0 '.kind == "isc" and .bad_lines == 0 and .error == null'
}

# --- files

@test "the first source that knows a device wins; the configuration names, too" {
	with_names "{ static: { \"02-00-00-00-00-02\": Büro } }" "{ uci: \"$NAMES/dhcp\" }" "{ odhcpd: \"$NAMES/odhcpd\" }" \
		"{ ethers: \"$NAMES/ethers\" }" "{ hosts: \"$NAMES/hosts\" }"
	echo "192.168.2.10 by-hosts.lan by-hosts" | put hosts
	start_agent
	ping_all
	is_called "$PHONE" Büro
	eventually 5 is_called "$DESKTOP" by-hosts.lan
	echo "$DESKTOP by-ethers" | put ethers
	eventually 5 is_called "$DESKTOP" by-ethers
	printf '# br-lan %s ipv4 broken\\x20by_odhcpd 4000000000 a 32 192.168.2.10/32\n' "${DESKTOP//:/}" | put odhcpd
	eventually 5 is_called "$DESKTOP" by_odhcpd
	printf "config host\n\toption name 'by uci'\n\tlist mac '%s'\n" "${DESKTOP^^}" | put dhcp
	eventually 5 is_called "$DESKTOP" 'by uci'
	rm "$NAMES/dhcp" "$NAMES/odhcpd"
	eventually 5 is_called "$DESKTOP" by-ethers
	ask hosts | grep -q "^by-ethers ($DESKTOP) "
	same "$DESKTOP by-ethers" "$(ask hosts -o csv | awk -F, -v host="$DESKTOP" '$1 == host { print $1, $2 }')"
	eventually 5 grep -q "^flowtally_host_info{host=\"$DESKTOP\",name=\"by-ethers\",vendor=\"\"} 1" \
		"$WORK/flowtally.prom"
	same 'static 1,uci 0,odhcpd 0,ethers 1,hosts 1' \
		"$(ask status -o json | jq -r '[.names[] | "\(.kind) \(.entries)"] | join(",")')"
}

@test "sources change at a reload, and those that stay keep their names" {
	echo "$DESKTOP by-ethers" | put ethers
	with_names "{ ethers: \"$NAMES/ethers\" }"
	start_agent
	ping_all
	eventually 5 is_called "$DESKTOP" by-ethers
	with_names "{ static: { \"$DESKTOP\": static } }" "{ ethers: \"$NAMES/ethers\" }"
	kill -HUP "$AGENT"
	eventually 5 is_called "$DESKTOP" static
	with_names
	kill -HUP "$AGENT"
	eventually 5 is_called "$DESKTOP" "$DESKTOP"
}

@test "the vendor of a device is shown, and that a MAC is a private one" {
	local mac=28:6f:b9:00:00:01

	printf '28-6F-B9   (hex)\t\tExample, "Ltd"\r\n286FB9     (base 16)\t\tExample, "Ltd"\r\n' | put oui.txt
	with_names
	start_agent
	desktop ip link set eth0 address "$mac"
	desktop ping -q -c 1 -W 0.1 "$LAB_INTERNET" >/dev/null || :
	phone ping -q -c 1 "$LAB_INTERNET" >/dev/null
	wait_sweeps
	same "[\"Example, \\\"Ltd\\\"\",false]" "$(ask hosts -o json | jq -c --arg mac "$mac" \
		'.hosts[] | select(.host == $mac) | [.vendor, .private_mac]')"
	same '[null,true]' "$(ask hosts -o json | jq -c --arg mac "$PHONE" \
		'.hosts[] | select(.host == $mac) | [.vendor, .private_mac]')"
	ask hosts -o csv | sed -n 1p | grep -q ',last_seen,vendor$'
	ask hosts -o csv | grep -qE "^$mac,.*Z,\"Example, \"\"Ltd\"\"\"$"
	ask hosts -o csv | grep -qE "^$PHONE,.*Z,$"
	ask hosts | grep -qE "^$mac .*  Example, \"Ltd\"$"
	ask hosts | grep -qE "^$PHONE .*  \(private MAC\)$"
	ask hosts --by device -o csv | sed -n 1p | grep -q ',last_seen$'
	grep -q "^flowtally_host_info{host=\"$mac\",name=\"$mac\",vendor=\"Example, \\\\\"Ltd\\\\\"\"} 1" "$WORK/flowtally.prom"
}

# --- files that are none

@test "a directory, a FIFO, a device, a link to nowhere and what must not be read are faults; the meter goes on" {
	mkdir "$NAMES/directory"
	mkfifo "$NAMES/fifo"
	ln -s nowhere "$NAMES/link"
	echo "$DESKTOP secret" | put secret
	chmod 600 "$NAMES/secret"
	chown 65534 "$NAMES/secret"
	with_names "{ ethers: \"$NAMES/directory\" }" "{ dnsmasq: \"$NAMES/fifo\" }" "{ hosts: /dev/zero }" \
		"{ uci: \"$NAMES/link\" }" "{ kea: \"$NAMES/secret\" }" "{ hosts: \"$NAMES/hosts\" }"
	echo "192.168.2.10 desktop" | put hosts
	start_agent
	ping_all
	eventually 5 is_called "$DESKTOP" desktop
	source_is 0 ".error == \"$NAMES/directory: not a regular file\""
	source_is 1 ".error == \"$NAMES/fifo: not a regular file\""
	source_is 2 '.error == "/dev/zero: not a regular file"'
	source_is 3 ".error == \"$NAMES/link: No such file or directory\""
	source_is 4 ".error == \"$NAMES/secret: read it as user 0 without capabilities: Permission denied\""
	same 1 "$(grep -c 'fifo: not a regular file' "$WORK/agent.log")"
	ask status | grep -q '^ethers .*not a regular file'
	# What becomes readable is read.
	rm "$NAMES/fifo"
	echo "0 $DESKTOP 192.168.2.10 at-last *" | put fifo
	eventually 5 is_called "$DESKTOP" at-last
	ledger_balances
}

# The sweeps that have been made while the file was read, as the answers say that come meanwhile: with the loop blocked
# there is one at most.
@test "a lease file of 100 MB of garbage is read beside sweeps and answers" {
	local count=$((50000000 / SLOW)) answers=$WORK/answers

	with_names "{ dnsmasq: \"$NAMES/dhcp.leases\" }"
	start_agent
	ping_all
	{
		yes : | head -n "$count"
		echo "0 $DESKTOP 192.168.2.10 desktop *"
	} | put dhcp.leases
	while [[ $(name_of "$DESKTOP") != desktop ]]; do
		ask status -o json | jq -r 'select(.names[0].reading).last_sweep' >>"$answers"
		((SECONDS < 120 * SLOW))
	done
	(($(sort -u "$answers" | wc -l) >= 3))
	source_is 0 ".bad_lines == $count and .error == null and .entries == 2"
	same 1 "$(grep -c 'dhcp.leases:1: a lease has at least four fields' "$WORK/agent.log")"
	ledger_balances
}

@test "a lease file of more than 256 MiB is a fault, and the names stay" {
	echo "0 $DESKTOP 192.168.2.10 desktop *" | put dhcp.leases
	with_names "{ dnsmasq: \"$NAMES/dhcp.leases\" }"
	start_agent
	ping_all
	eventually 5 is_called "$DESKTOP" desktop
	truncate -s 257M "$NAMES/dhcp.leases"
	eventually 5 source_is 0 ".error == \"$NAMES/dhcp.leases: longer than 256 MiB\""
	is_called "$DESKTOP" desktop
}

# --- names of strangers

# without_controls FILE...: nothing that a terminal obeys or that turns the direction of writing
without_controls() {
	perl -CSD -ne 'die "$ARGV: $_" if /(?!\n)\p{C}/' "$@"
}

# The right-to-left override, an isolate and a mark; a title for the terminal, an octet that is no UTF-8, markup, quotes.
@test "no name does any harm, whatever the output" {
	local hostile='\e[2J\e]0;owned\a\xff\r\t<img src=x onerror=alert(1)>"\\,= \xe2\x80\xaeexe.\xe2\x81\xa6fdp\xe2\x80\x8f'
	local harmless=$'[2J]0;owned\xef\xbf\xbd<img src=x onerror=alert(1)>"\\,= exe.fdp'

	start_record 4740
	with_names "{ uci: \"$NAMES/dhcp\" }"
	{
		printf "config host\n\toption name '%b'\n\toption mac %s\n" "$hostile" "$DESKTOP"
		# 254 octets and one character of two
		printf "config host\n\toption name '%0254d\xc3\xa4'\n\toption mac %s\n" 0 "$PHONE"
	} | put dhcp
	start_agent
	ping_all
	same "$harmless" "$(name_of "$DESKTOP")"
	same "$(printf %0254d 0)" "$(name_of "$PHONE")"
	ask hosts >"$WORK/table"
	grep -qF "$harmless ($DESKTOP) " "$WORK/table"
	ask hosts -o csv >"$WORK/csv"
	same 3 "$(wc -l <"$WORK/csv")"
	grep -qF ",\"${harmless//\"/\"\"}\"," "$WORK/csv"
	eventually 5 grep -q '^flowtally_host_info.*owned' "$WORK/flowtally.prom"
	promtool check metrics <"$WORK/flowtally.prom"
	grep -qF 'onerror=alert(1)>\"\\,= exe.fdp"' "$WORK/flowtally.prom"
	without_controls "$WORK/table" "$WORK/csv" "$WORK/flowtally.prom"
	stop_agent
	stop_collectors
	same "$(printf '%032d\n%s' 0 "${harmless:0:32}")" \
		"$(ipfixDump --rfc5610 -d -i "$WORK/messages-4740" | sed -n 's/.*hostName : (len: 32) //p' | sort -u)"
}

@test "names are sorted by the alphabet, whatever the case of their letters" {
	with_names "{ static: { \"$DESKTOP\": Bob, \"$PHONE\": anna } }"
	start_agent
	ping_all
	same '["anna","Bob"]' "$(ask hosts -s name -o json | jq -c '[.hosts[].name]')"
}
