#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A collector that means harm.

    hostile_collector.py talks|resets PORT FILE [CERTIFICATE]

It talks without end, or resets each session; how many octets it got rid of, or sessions it has reset, is in FILE. With
CERTIFICATE.pem and .key over TLS.
"""
import os
import socket
import ssl
import struct
import sys
import threading

kind, port, path = sys.argv[1:4]
certificate = sys.argv[4] if len(sys.argv) > 4 else None
server = socket.create_server(("127.0.0.1", int(port)))
if certificate:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate + ".pem", certificate + ".key")
total = 0

def count(n):
    global total
    total += n
    with open(path + ".new", "w") as file:
        file.write(str(total))
    os.rename(path + ".new", path)

def swallow(client):
    while client.recv(65536):
        pass

# Records of TLS that are never a multiple of what is read at once.
def talk(client):
    threading.Thread(target=swallow, args=(client,), daemon=True).start()
    while True:
        for i in range(16):
            client.sendall(bytes(16000))
        count(16 * 16000)

def reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    count(1)

while True:
    client, peer = server.accept()
    try:
        if certificate:
            client = context.wrap_socket(client, server_side=True)
        (talk if kind == "talks" else reset)(client)
    except OSError:
        pass
