#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy that counts round trips: one for each connection that is made, one for each time that the client speaks after something came for it.

usage: round_trips.py PORT DELAY_MS      prints "port N"; on SIGUSR1 "round_trips N" since its start

The delay, either way, keeps apart what one side sends at once and what the other answers to it."""
import asyncio
import signal
import sys


class Counter:
    def __init__(self):
        self.count = 0

    def show(self):
        print(f"round_trips {self.count}", flush=True)


async def carry(reader, writer, delay, on_read, on_write):
    queue = asyncio.Queue()
    loop = asyncio.get_running_loop()

    async def deliver():
        while True:
            when, data = await queue.get()
            await asyncio.sleep(max(0, when - loop.time()))
            if not data:
                writer.close()
                return
            writer.write(data)
            on_write()

    task = asyncio.create_task(deliver())
    try:
        while data := await reader.read(1 << 16):
            on_read()
            queue.put_nowait((loop.time() + delay, data))
    except ConnectionError:
        pass
    queue.put_nowait((loop.time() + delay, b""))
    await task


async def main():
    port, delay = int(sys.argv[1]), float(sys.argv[2]) / 1000
    counter = Counter()

    async def connection(reader, writer):
        counter.count += 1  # SYN and its answer
        answered = [True]

        def client_spoke():
            counter.count += answered[0]
            answered[0] = False

        def client_heard():
            answered[0] = True

        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, server_writer, delay, client_spoke, lambda: None),
                             carry(server_reader, writer, delay, lambda: None, client_heard), return_exceptions=True)

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, counter.show)
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


asyncio.run(main())
