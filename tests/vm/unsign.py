#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A broker's front that its attacker owns: TLS with the broker's certificate, everything handed on, but the signature taken off each release.

usage: unsign.py CERTIFICATE KEY PORT     PORT of the real front on 127.0.0.1; prints "port N"
"""
import http.client
import http.server
import json
import socketserver
import ssl
import sys

certificate, key, upstream = sys.argv[1], sys.argv[2], int(sys.argv[3])
DROPPED = ("connection", "content-length", "transfer-encoding", "host")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def hand_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        front = http.client.HTTPSConnection("127.0.0.1", upstream, context=context, timeout=20)
        front.request(self.command, self.path, body, {name: value for name, value in self.headers.items() if name.lower() not in DROPPED})
        answer = front.getresponse()
        data = answer.read()
        try:
            fields = json.loads(data)
            if fields.pop("sevattest-sig", None) is not None:
                data = json.dumps(fields).encode()
        except (ValueError, AttributeError):
            pass
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in DROPPED:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = hand_on

    def log_message(self, format, *args):
        print(format % args, file=sys.stderr)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(f"port {server.server_address[1]}", flush=True)
server.serve_forever()
