#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# `flowtally flows --packets` prints single packets as the hooks see them: which, and what of them.

# shellcheck disable=SC2030,SC2031  # each test is a process of its own

load lib
load packets

setup() {
	setup_packets
}

teardown() {
	teardown_packets
}

# sum NAME PATTERN: of NAME=VALUE in the lines with the pattern; packets of a line without it is 1
sum() {
	awk -v name="$1=" -v pattern="$2" '
		$0 ~ pattern {
			value = name == "packets="
			for (i = 1; i <= NF; i++) if (index($i, name) == 1) value = substr($i, length(name) + 1)
			sum += value
		}
		END { print sum + 0 }' "$WORK/packets"
}

@test "pings of both families, in both directions, with their octets" {
	local time='^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z br-lan'
	local here there desktop internet

	packets br-lan --sample 1
	desktop ping -q -c 3 -i 0.01 -s 100 "$LAB_INTERNET"
	desktop ping -q -c 4 -i 0.01 -s 200 "$LAB_INTERNET6"
	desktop="$(lab_device_address 1)" internet="$LAB_INTERNET"
	eventually 10 lines_are 3 "$time receive icmp $desktop > $internet ip-octets=128 frame-octets=142 type=8 code=0$"
	eventually 10 lines_are 3 "$time transmit icmp $internet > $desktop ip-octets=128 frame-octets=142 type=0 code=0$"
	here=$(lab_device_address6 1) there=$LAB_INTERNET6
	eventually 10 lines_are 4 "$time receive ipv6-icmp $here > $there ip-octets=248 frame-octets=262 type=128 code=0$"
	eventually 10 lines_are 4 "$time transmit ipv6-icmp $there > $here ip-octets=248 frame-octets=262 type=129 code=0$"
	stop
	same '' "$(cat "$WORK/errors")"
}

@test "TCP by large frames: all packets and octets of the wire, ports and flags" {
	local upload octets packets server

	upload="receive tcp $(lab_device_address 1):[0-9]+ > $LAB_INTERNET:5201 "
	packets br-lan --sample 1
	spawn internet /dev/null socat -u TCP4-LISTEN:5201,reuseaddr OPEN:/dev/null
	server=$!
	eventually 5 internet_listens 5201
	head -c 5M /dev/zero | desktop socat -u - "TCP4:$LAB_INTERNET:5201"
	wait "$server"
	desktop ping -q -c 1 "$LAB_INTERNET"
	eventually 10 lines_are 1 'receive icmp'
	stop
	lines_are 1 "receive tcp .*:5201 .* flags=S$"
	lines_are 1 "transmit tcp $LAB_INTERNET:5201 > .* flags=SA$"
	grep -qE "$upload.* packets=[0-9]+ flags=P?A" "$WORK/packets"
	octets=$(sum ip-octets "$upload") packets=$(sum packets "$upload")
	# With a header of 52 octets for each packet, and those that open and end.
	((octets >= 5 * 1024 * 1024 + packets * 52))
	((packets >= 5 * 1024 * 1024 / 1448))
	same $((octets + packets * 14)) "$(sum frame-octets "$upload")"
	same '' "$(cat "$WORK/errors")"
}

@test "a sample of many; an end by -n, and by signals" {
	packets br-lan
	desktop ping -q -f -c 5000 -s 8 "$LAB_INTERNET"
	eventually 10 grep -q icmp "$WORK/packets"
	stop INT
	# Of 10,000, with a chance of 1 in 10^9 that it is none of these.
	(($(wc -l <"$WORK/packets") > 40 && $(wc -l <"$WORK/packets") < 170))
	packets br-lan --sample 1 -n 5
	desktop ping -q -c 10 -i 0.01 "$LAB_INTERNET"
	ends 0
	lines_are 5
	are_hooks 0
	packets br-lan
	stop HUP
	are_hooks 0
}

@test "what is not read in time is counted, a reader who pauses holds nothing up, and one who goes ends it" {
	local lost

	mkfifo "$WORK/pipe"
	lab_exec "$LAB" router "$FLOWTALLY" flows --packets br-lan --sample 1 >"$WORK/pipe" 2>"$WORK/errors" 3>&- &
	PRINTER=$!
	exec 5<"$WORK/pipe"
	eventually 10 are_hooks 2
	desktop ping -q -f -c 3000 -s 8 "$LAB_INTERNET"
	kill -TERM "$PRINTER"
	ends 0
	are_hooks 0
	cat <&5 >"$WORK/packets"
	exec 5<&-
	lost=$(sed -n 's/^flowtally: flows: \([0-9]*\) packets were lost: .*/\1/p' "$WORK/errors")
	((lost > 0))
	# A line that was written in part is lost, too.
	(($(wc -l <"$WORK/packets") + lost >= 6000))
	lab_exec "$LAB" router "$FLOWTALLY" flows --packets br-lan --sample 1 >"$WORK/pipe" 2>"$WORK/errors" 3>&- &
	PRINTER=$!
	exec 5<"$WORK/pipe"
	eventually 10 are_hooks 2
	exec 5<&-
	ends 0
	are_hooks 0
}

@test "VLANs, and frames that are not IP, in another namespace" {
	local other=$LAB-other

	ip netns add "$other"
	ip -n "$other" link add pk0 type bridge mcast_snooping 0
	ip netns exec "$other" sysctl -qw net.ipv6.conf.pk0.disable_ipv6=1
	ip -n "$other" link set pk0 up
	packets "$other:pk0" br-lan --sample 1
	ip netns exec "$other" "$TOOLS/frames" --count 3 --vlan 7 pk0 vlan arp >/dev/null
	eventually 10 lines_are 3 " $other:pk0 transmit udp .* > .* ip-octets=[0-9]+ frame-octets=[0-9]+ vlan=7$"
	eventually 10 lines_are 3 " $other:pk0 transmit not-ip ethertype=0x0806 frame-octets=[0-9]+$"
	stop
}

@test "a filter says which packets of the sample, also by their interfaces; -n counts those that are shown" {
	packets br-lan --sample 1 -n 2 --filter "icmp-type 8 and src $(lab_device_address 1)"
	desktop "$TOOLS/frames" --count 3 eth0 arp >/dev/null
	desktop ping -q -c 2 -i 0.01 "$LAB_INTERNET6"
	desktop ping -q -c 5 -i 0.01 "$LAB_INTERNET"
	ends 0
	lines_are 2
	lines_are 2 "receive icmp $(lab_device_address 1) > .* type=8 code=0$"
	packets br-lan wan --sample 1 --filter "icmp-type 8 and in br-lan and mac $(lab_device_mac 1) or vlan 7"
	eventually 10 are_hooks_at wan 2
	desktop ping -q -c 3 -i 0.01 -I "$(lab_device_address 1)" "$LAB_INTERNET"
	# Where it leaves for the wan, the MAC is another.
	eventually 10 lines_are 3 'br-lan receive icmp'
	desktop "$TOOLS/frames" --count 2 --vlan 7 eth0 vlan >/dev/null
	eventually 10 lines_are 2 'br-lan receive .* vlan=7$'
	stop
	lines_are 5
	packets br-lan wan --sample 1 --filter 'in br-lan and out wan and direction egress and max-ttl 63'
	eventually 10 are_hooks_at wan 2
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET"
	eventually 10 lines_are 3 'wan transmit icmp'
	stop
	lines_are 3
}

@test "an interface without Ethernet, in both directions and families" {
	make_tun
	packets br-lan tun7 --sample 1 --filter 'if tun7 and (icmp or icmp6)'
	eventually 10 are_hooks_at tun7 2
	desktop ping -q -c 2 -i 0.01 10.77.0.1
	desktop ping -q -c 3 -i 0.01 fd77::1
	eventually 10 lines_are 2 ' tun7 receive icmp 10.77.0.2 > 10.77.0.1 ip-octets=84 frame-octets=84 type=8 code=0$'
	eventually 10 lines_are 2 ' tun7 transmit icmp 10.77.0.1 > 10.77.0.2 ip-octets=84 frame-octets=84 type=0 code=0$'
	eventually 10 lines_are 3 ' tun7 receive ipv6-icmp fd77::2 > fd77::1 ip-octets=104 frame-octets=104 type=128 code=0$'
	eventually 10 lines_are 3 ' tun7 transmit ipv6-icmp fd77::1 > fd77::2 ip-octets=104 frame-octets=104 type=129 code=0$'
	stop
	lines_are 10
}

@test "what cannot be done is said" {
	local status

	fails router "$FLOWTALLY" flows --packets nosuch 2>"$WORK/errors"
	same 'flowtally: flows: nosuch: no such interface' "$(cat "$WORK/errors")"
	fails router "$FLOWTALLY" flows --packets br-lan --filter 'in eth9' 2>"$WORK/errors"
	same 'flowtally: flows: filter: at 4: "eth9" is no interface' "$(cat "$WORK/errors")"
	status=0
	router "$FLOWTALLY" flows --packets br-lan --filter 'tcp and duration > 5s' 2>"$WORK/errors" || status=$?
	same 2 "$status"
	same 'flowtally: flows: filter: at 9: a packet has no duration' "$(cat "$WORK/errors")"
	for arguments in '--packets' '--filter tcp' '--packets br-lan --filter port' '--sample 5' '--packets br-lan --sample 0' '--packets br-lan --follow' '--packets br-lan -o csv'; do
		status=0
		# shellcheck disable=SC2086  # several arguments
		router "$FLOWTALLY" flows $arguments 2>"$WORK/errors" || status=$?
		same 2 "$status"
		same 1 "$(wc -l <"$WORK/errors")"
	done
	fails router setpriv --bounding-set=-all --inh-caps=-all "$FLOWTALLY" flows --packets br-lan 2>"$WORK/errors"
	same 'flowtally: flows: make the ring of packets: needs CAP_BPF, CAP_NET_ADMIN' "$(cat "$WORK/errors")"
	are_hooks 0
}
