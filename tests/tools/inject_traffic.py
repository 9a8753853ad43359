#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Adds to what the kernel has counted to the flows of a pinned table.

inject_traffic.py TABLE COUNT

The packets and the octets of each flow are COUNT afterwards (struct flow_traffic in ebpf/records.h, at
the end of an entry).
"""
import json
import subprocess
import sys

TRAFFIC = 64


def bpftool(*arguments):
    return subprocess.run(["bpftool", "--json", "map", *arguments], check=True, stdout=subprocess.PIPE).stdout


def main():
    table, count = sys.argv[1], int(sys.argv[2])
    octets = list(count.to_bytes(8, sys.byteorder))
    for entry in json.loads(bpftool("dump", "pinned", table)):
        value = [int(octet, 16) for octet in entry["value"]]
        value[-TRAFFIC:-TRAFFIC + 16] = octets + octets
        bpftool("update", "pinned", table, "key", *[str(int(octet, 16)) for octet in entry["key"]],
                "value", *[str(octet) for octet in value])


main()
