#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sends packets of many protocols, and fragments of them, to each of the addresses.

protocols.py ADDRESS...
"""
import socket
import struct
import sys

TCP_SYN = struct.pack("!HHIIBBHHH", 41001, 81, 1000, 0, 5 << 4, 2, 512, 0, 0)
UDP = struct.pack("!HHHH", 41002, 82, 8 + 32, 0) + bytes(32)
UDP_LITE = struct.pack("!HHHH", 41003, 83, 8, 0) + bytes(50)
SCTP = struct.pack("!HHII", 41004, 84, 0, 0) + bytes(20)
DCCP = struct.pack("!HHBBHI", 41005, 85, 4, 0, 0, 0) + bytes(12)
PACKETS = {6: TCP_SYN, 17: UDP, 136: UDP_LITE, 132: SCTP, 33: DCCP, 47: bytes(60), 50: bytes(80), 89: bytes(44),
           253: b"x"}
LARGE = 4000
TRAFFIC_CLASSES = (0, 0xb8)


def send(address):
    """Those of each protocol in two traffic classes, and a large one, that is, fragments."""
    is_ipv6 = ":" in address
    family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    for protocol, payload in PACKETS.items():
        with socket.socket(family, socket.SOCK_RAW, protocol) as sender:
            for traffic_class in TRAFFIC_CLASSES:
                if is_ipv6:
                    sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, traffic_class)
                else:
                    sender.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, traffic_class)
                for size in (len(payload), LARGE):
                    sender.sendto(payload.ljust(size, b"\0"), (address, 0))


for argument in sys.argv[1:]:
    send(argument)
