#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Clients of a control socket that mean harm, until they are killed.

    hostile_clients.py SOCKET N

N at once: they say nothing, half a request, one without an end or NULs, never read their answers, or go in the middle; who is cut
off comes again. "held" is said when all have been there.
"""
import itertools
import random
import socket
import sys
import time

path, n = sys.argv[1], int(sys.argv[2])


def nothing(client):
    pass


def half(client):
    client.send(b"stat")


def endless(client):
    for _ in range(1000):
        client.send(b"x" * 65536)


def zeros(client):
    client.send(bytes(4096) + b"\n")


def nonsense(client):
    client.send(random.randbytes(random.randrange(1, 8192)) + b"\n")


def deaf(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    client.send(random.choice((b"hosts\n", b"metrics\n", b"status\n", b"ledger\n", b"flows\n", b"records\n")))


def goes(client):
    client.send(random.choice((b"hosts\n", b"metrics\n", b"stat")))
    client.close()


ways = itertools.cycle((nothing, half, endless, zeros, nonsense, deaf, goes))


def come():
    client = socket.socket(socket.AF_UNIX)
    client.setblocking(False)
    try:
        client.connect(path)
        next(ways)(client)
    except OSError:
        pass
    return client


held = [come() for _ in range(n)]
print("held", flush=True)
while True:
    time.sleep(0.02)
    i = random.randrange(n)
    held[i].close()
    held[i] = come()
