#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A collector that is python3-ipfix: of one session over TCP it prints what each host record says.

    ipfix_listener.py ADDRESS PORT

Lines are "upload|download OCTETS PACKETS NAME-OF-THE-MAC'S-ELEMENT".
"""
import socket
import sys

import ipfix.ie
import ipfix.reader

DIRECTIONS = {0: "upload", 1: "download"}


def main():
    ipfix.ie.use_iana_default()
    with socket.create_server((sys.argv[1], int(sys.argv[2])), reuse_port=False) as listener:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            for record in ipfix.reader.from_stream(stream).namedict_iterator():
                if "octetDeltaCount" not in record:
                    continue
                mac = next(name for name in record if name.endswith("MacAddress"))
                print(DIRECTIONS[record["flowDirection"]], record["octetDeltaCount"],
                      record["packetDeltaCount"], mac, flush=True)


if __name__ == "__main__":
    main()
