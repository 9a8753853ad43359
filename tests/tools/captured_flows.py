#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The flows of captures, as tshark reads them, which knows nothing of us.

captured_flows.py CAPTURE...

A line a flow, sorted: PROTOCOL SOURCE SOURCE_PORT DESTINATION DESTINATION_PORT PACKETS OCTETS, octets from the IP
header on. Of ICMP the destination port is TYPE.CODE. Later fragments have the ports of their first one.
"""
import collections
import ipaddress
import subprocess
import sys

FIELDS = [
    "ip.src", "ip.dst", "ip.proto", "ip.len", "ip.id", "ip.frag_offset",
    "ipv6.src", "ipv6.dst", "ipv6.nxt", "ipv6.plen",
    "ipv6.fraghdr.nxt", "ipv6.fraghdr.ident", "ipv6.fraghdr.offset",
    "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport", "sctp.srcport", "sctp.dstport",
    "dccp.srcport", "dccp.dstport", "icmp.type", "icmp.code", "icmpv6.type", "icmpv6.code",
]
PORTS = {"6": "tcp", "17": "udp", "136": "udp", "132": "sctp", "33": "dccp"}
ICMP = {"1": "icmp", "58": "icmpv6"}
IPV6_HEADER = 40
IPV6_FRAGMENT = "44"


def packets(capture):
    """What tshark finds in each packet; of several headers of a kind the outermost."""
    command = ["tshark", "-r", capture, "-T", "fields", "-E", "separator=|", "-E", "occurrence=f",
               "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-Y", "ip or ipv6"]
    for field in FIELDS:
        command += ["-e", field]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in output.splitlines():
        yield dict(zip(FIELDS, line.split("|")))


def ends(packet, protocol):
    """The two ports as nfdump shows them."""
    if protocol in PORTS:
        name = PORTS[protocol]
        return packet[name + ".srcport"] or "0", packet[name + ".dstport"] or "0"
    if protocol in ICMP:
        name = ICMP[protocol]
        return "0", f"{packet[name + '.type']}.{packet[name + '.code']}"
    return "0", "0"


def read(captures):
    """(protocol, source, source port, destination, destination port) -> [packets, octets]"""
    flows = collections.defaultdict(lambda: [0, 0])
    firsts = {}
    for capture in captures:
        for packet in packets(capture):
            if packet["ip.src"]:
                source, destination = packet["ip.src"], packet["ip.dst"]
                protocol, octets = packet["ip.proto"], int(packet["ip.len"])
                ident, later = packet["ip.id"], packet["ip.frag_offset"] not in ("", "0")
            else:
                source, destination = packet["ipv6.src"], packet["ipv6.dst"]
                protocol, octets = packet["ipv6.nxt"], int(packet["ipv6.plen"]) + IPV6_HEADER
                if protocol == IPV6_FRAGMENT:
                    protocol = packet["ipv6.fraghdr.nxt"]
                ident = packet["ipv6.fraghdr.ident"]
                later = packet["ipv6.fraghdr.offset"] not in ("", "0")
            datagram = (capture, source, destination, protocol, ident)
            if later:
                ports = firsts[datagram]
            else:
                ports = firsts[datagram] = ends(packet, protocol)
            flow = flows[protocol, source, ports[0], destination, ports[1]]
            flow[0] += 1
            flow[1] += octets
    return flows


def main():
    lines = []
    for (protocol, source, source_port, destination, destination_port), (n, octets) in read(sys.argv[1:]).items():
        lines.append(f"{protocol} {ipaddress.ip_address(source)} {source_port} "
                     f"{ipaddress.ip_address(destination)} {destination_port} {n} {octets}")
    print("\n".join(sorted(lines)))


main()
