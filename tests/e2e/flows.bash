# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the tests of flows share, beside lib.bash.

# PROTOCOL SOURCE SOURCE_PORT DESTINATION DESTINATION_PORT PACKETS OCTETS IN OUT of each flow that nfcapd has,
# its records added up. Records of hosts have no protocol.
# nfdump_flows [PORT]
nfdump_flows() {
	nfdump -q -N -6 -R "$WORK/nfcapd-${1:-4739}" -o 'fmt:%pr %sa %sp %da %dp %pkt %byt %in %out' |
		awk 'NF == 9 && $1 != "0" {
				key = $1 " " $2 " " $3 " " $4 " " $5
				packets[key] += $6
				octets[key] += $7
				ends[key] = $8 " " $9
			}
			END { for (key in packets) printf "%s %.0f %.0f %s\n", key, packets[key], octets[key], ends[key] }' | sort
}

# udp_flows N: packets from N ports of the desktop to the internet
udp_flows() {
	desktop /usr/bin/python3 -c '
import socket, sys
for port in range(40000, 40000 + int(sys.argv[2])):
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind(("", port))
    sender.sendto(b"x", (sys.argv[1], 9))
' "$LAB_INTERNET" "$1"
}

# The same without the interfaces, of what start_record has, by ipfixDump, which writes addresses in full: nfdump shows ports of TCP and UDP alone.
ipfix_flow_list() {
	ipfix_records | jq -r 'select(.octetDeltaCount and .protocolIdentifier) |
		((.icmpTypeCodeIPv4 // .icmpTypeCodeIPv6 // "0" | tonumber) as $icmp |
		[.protocolIdentifier, .sourceIPv4Address // .sourceIPv6Address, .sourceTransportPort,
			.destinationIPv4Address // .destinationIPv6Address,
			(if .protocolIdentifier == "1" or .protocolIdentifier == "58"
				then "\($icmp / 256 | floor).\($icmp % 256)" else .destinationTransportPort end),
			.packetDeltaCount, .octetDeltaCount] | map(tostring) | join(" "))' |
		awk '{
				key = $1 " " $2 " " $3 " " $4 " " $5
				packets[key] += $6
				octets[key] += $7
			}
			END { for (key in packets) printf "%s %.0f %.0f\n", key, packets[key], octets[key] }' |
		/usr/bin/python3 -c '
import ipaddress, sys
for line in sys.stdin:
    words = line.split()
    words[1], words[3] = (str(ipaddress.ip_address(word)) for word in (words[1], words[3]))
    print(*words)' | sort
}
