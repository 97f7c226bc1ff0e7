"""An app with long-lived connections, for tests: WebSockets and slow answers. Only Python's own library.

GET /streams/version    which version answers
GET /streams/slow       some bytes ten times a second, for ?seconds=20
GET /streams/ws         a WebSocket that sends back what it gets
GET /streams/healthz    200

On SIGTERM it takes no more connections, says good-bye to WebSockets (1001, going away), lets answers come to their end,
and ends.
"""

import asyncio
import base64
import hashlib
import os
import signal
import sys
from urllib.parse import parse_qs, urlsplit

VERSION = "0"
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
GOING_AWAY = (1001).to_bytes(2, "big")

sockets = set()  # writers of open WebSockets
serving = set()  # tasks, one a connection
stopping = asyncio.Event()


def head(status, *lines):
    return "\r\n".join([f"HTTP/1.1 {status}", f"X-Version: {VERSION}", *lines, "", ""]).encode()


def whole(status, body):
    return head(status, "Content-Type: text/plain", f"Content-Length: {len(body)}", "Connection: close") + body.encode()


async def serve(reader, writer):
    task = asyncio.current_task()
    serving.add(task)
    try:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        url = urlsplit(lines[0].split(" ")[1])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        if url.path == "/streams/ws" and headers.get("upgrade", "").lower() == "websocket":
            await talk(reader, writer, headers["sec-websocket-key"])
        elif url.path == "/streams/slow":
            await trickle(writer, float(parse_qs(url.query).get("seconds", ["20"])[0]))
        elif url.path == "/streams/version":
            writer.write(whole("200 OK", VERSION + "\n"))
        elif url.path == "/streams/healthz":
            writer.write(whole("200 OK", "ok\n"))
        else:
            writer.write(whole("404 Not Found", "there is no such path\n"))
        await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass  # the visitor has gone
    finally:
        writer.close()
        serving.discard(task)


async def trickle(writer, seconds):
    writer.write(head("200 OK", "Content-Type: application/octet-stream", "Transfer-Encoding: chunked",
                      "Connection: close"))
    piece = b"400\r\n" + b"." * 1024 + b"\r\n"
    for _ in range(int(seconds * 10)):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.1)
    writer.write(b"0\r\n\r\n")


async def talk(reader, writer, key):
    accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
    writer.write(head("101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                      f"Sec-WebSocket-Accept: {accept}"))
    sockets.add(writer)
    try:
        while True:
            first, second = await reader.readexactly(2)
            length = second & 0x7F
            if length == 126:
                length = int.from_bytes(await reader.readexactly(2), "big")
            elif length == 127:
                length = int.from_bytes(await reader.readexactly(8), "big")
            mask = await reader.readexactly(4)
            payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(await reader.readexactly(length)))
            opcode = first & 0x0F
            if opcode == CLOSE:
                if not stopping.is_set():
                    send(writer, CLOSE, payload)
                return
            if opcode in (TEXT, BINARY):
                send(writer, opcode, payload)
            elif opcode == PING:
                send(writer, PONG, payload)
            await writer.drain()
    finally:
        sockets.discard(writer)


def send(writer, opcode, payload):
    length = len(payload)
    size = bytes([length]) if length < 126 else bytes([126]) + length.to_bytes(2, "big")
    writer.write(bytes([0x80 | opcode]) + size + payload)


async def main():
    path = os.environ["LISTEN_SOCKET"]
    if os.path.exists(path):
        os.unlink(path)
    os.umask(0o007)  # the folder's group is nginx's
    server = await asyncio.start_unix_server(serve, path, backlog=511)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    print("listens on", path, file=sys.stderr)
    await stopping.wait()
    # Those that the kernel has accepted for us already are still served.
    await asyncio.sleep(0.05)
    server.close()
    for writer in list(sockets):
        send(writer, CLOSE, GOING_AWAY)
    while serving:
        await asyncio.wait(set(serving))


asyncio.run(main())
