#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A collector that takes sessions and ends each soon: one of two orderly, the other by a reset.

    hang_up.py ADDRESS PORT SECONDS [CERTIFICATE KEY]

With a certificate sessions are of TLS.
"""
import asyncio
import ssl
import sys


async def main(address, port, seconds, *certificate):
    ended = 0

    async def take(reader, writer):
        nonlocal ended
        try:
            await asyncio.sleep(float(seconds))
            ended += 1
            if ended % 2:
                writer.transport.abort()
            else:
                writer.close()
                await writer.wait_closed()
        except (OSError, ssl.SSLError):
            pass

    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    server = await asyncio.start_server(take, address, int(port), ssl=context)
    async with server:
        await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
