#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command as a service of systemd's is run, with stderr to the journal, in whose place we are.

journal.py FILE COMMAND [ARGUMENT]...

FILE gets what comes to the journal, by its native protocol (systemd's JOURNAL_NATIVE_PROTOCOL): a line for each message,
PRIORITY and MESSAGE. In a mount namespace of its own, which the caller makes: /run/systemd/journal is ours there.
"""
import os
import select
import socket
import subprocess
import sys

DIRECTORY = "/run/systemd/journal"


def listen(kind, name):
    listener = socket.socket(socket.AF_UNIX, kind)
    listener.bind(f"{DIRECTORY}/{name}")
    return listener


def fields_of(datagram):
    """Lines KEY=VALUE, or KEY, and then the length of the value in 64 bits, little-endian, and the value."""
    fields = {}
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        key, is_line, value = line.partition(b"=")
        if not is_line:
            length = int.from_bytes(rest[:8], "little")
            value, rest = rest[8 : 8 + length], rest[8 + length + 1 :]
        fields[key.decode()] = value
        datagram = rest
    return fields


def keep_journal(path, stdout, messages):
    """Until who has the stream is gone."""
    stream, _ = stdout.accept()
    with open(path, "wb", buffering=0) as file:
        while True:
            ready, _, _ = select.select([stream, messages], [], [])
            if messages in ready:
                fields = fields_of(messages.recv(65536))
                file.write(fields["PRIORITY"] + b" " + fields["MESSAGE"].replace(b"\n", b"\\n") + b"\n")
            elif not stream.recv(4096):
                return


def main():
    path, command = sys.argv[1], sys.argv[2:]
    subprocess.run(["mount", "-t", "tmpfs", "journal", "/run/systemd"], check=True)
    os.mkdir(DIRECTORY)
    stdout, messages = listen(socket.SOCK_STREAM, "stdout"), listen(socket.SOCK_DGRAM, "socket")
    stdout.listen()
    if os.fork() == 0:
        keep_journal(path, stdout, messages)
        return
    stream = socket.socket(socket.AF_UNIX)
    stream.connect(f"{DIRECTORY}/stdout")
    os.dup2(stream.fileno(), 2)
    os.execvp(command[0], command)


main()
