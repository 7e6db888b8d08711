#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An origin for netd to ask: HTTPS (or HTTP without a certificate) that counts connections and requests and misbehaves by path.

usage: net_origin.py LOG [CERTIFICATE KEY] [--close] [--address A] [--port N]
       prints "port N"; LOG gets one line for each connection ("connection resumed|full|plain") and request ("request METHOD PATH headers").

The last segment of a path says what happens: ok, slow (2 s), stall (never), redirect, busy (429), large, cut (half an answer), 404, echo.
"""
import http.server
import json
import socket
import socketserver
import ssl
import sys
import threading
import time

options = [a for a in sys.argv[1:] if not a.startswith("--")]
close = "--close" in sys.argv
named = dict(zip(sys.argv, sys.argv[1:]))
for name in ("--address", "--port"):
    if name in named:
        options.remove(named[name])
log_path, certificate = options[0], options[1:3]
lock = threading.Lock()


def log(line):
    with lock, open(log_path, "a", encoding="utf-8") as out:
        out.write(line + "\n")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        if not certificate:
            log("connection plain")

    def log_message(self, *_):
        pass

    def say(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        if close:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        log(f"request {self.command} {self.path} metadata={self.headers.get('Metadata')} proxy={self.headers.get('Proxy-Connection')}")
        act = self.path.split("?")[0].rsplit("/", 1)[-1]
        if act == "slow":
            time.sleep(2)
        if act == "stall":
            time.sleep(600)
        if act == "redirect":
            self.say(302, Location="https://127.0.0.1:1/")
        elif act == "busy":
            self.say(429, b"slow down", Retry_After="7")
        elif act == "large":
            self.say(200, b"x" * 100000)
        elif act == "404":
            self.say(404, b"none")
        elif act == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True
        elif act == "echo":
            self.say(200, json.dumps({"headers": dict(self.headers), "body": body.decode()}).encode(), Set_Cookie="kbs-session-id=abc; Path=/kbs/v0")
        else:
            self.say(200, b"good", Content_Type="text/plain")

    do_GET = do_POST = do_PUT = do_DELETE = any


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def finish_request(self, request, client_address):
        if certificate:
            try:
                request.do_handshake()
            except OSError:
                log("connection failed")
                return
            log("connection " + ("resumed" if request.session_reused else "full"))
        super().finish_request(request, client_address)

    def handle_error(self, *_):
        pass


Server.address_family = socket.AF_INET6 if ":" in named.get("--address", "") else socket.AF_INET
server = Server((named.get("--address", "127.0.0.1"), int(named.get("--port", "0"))), Handler)
if certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print("port", server.server_address[1], flush=True)
server.serve_forever()
