"""Stands between a client and a PostgreSQL, and answers as Redshift does where the two differ, by Amazon's documents and
other drivers' sources: an old version, no `options`, few settings, and errors for what it has not. It is no Redshift.
"""

import contextlib
import os
import re
import socket
import struct
import threading

VERSION = b"8.0.2"
REFUSING = {80877103, 80877104}  # what asks for encryption
CANCEL = 80877102
UNKNOWN = {b"IntervalStyle", b"standard_conforming_strings", b"default_transaction_read_only", b"in_hot_standby"}
LACKS = re.compile(rb"pg_is_in_recovery|pg_last_|_wal_|pg_control_|savepoint|from stdin|listen|discard|returning|advisory"
                   rb"|intervalstyle|bytea_output|standard_conforming_strings|default_transaction_read_only", re.I)


def message(kind, body):
    return kind + struct.pack("!I", len(body) + 4) + body


def error(code, text):
    return message(b"E", b"SFATAL\0C" + code + b"\0M" + text + b"\0\0")


def exactly(file, size):
    data = file.read(size)
    if len(data) < size:
        raise EOFError
    return data


class FakeRedshift:
    """A port of 127.0.0.1; `refused` are the statements that asked for what there is not."""

    def __init__(self):
        self.refused = []
        self.started = []  # the parameters of each session that was begun
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = [self.listener]
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        for each in self.sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.sockets.append(client)
                threading.Thread(target=self.serve, args=[client], daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError, EOFError):
            incoming = client.makefile("rb")
            while True:
                size, code = struct.unpack("!II", exactly(incoming, 8))
                body = exactly(incoming, size - 8)
                if code not in REFUSING:
                    break
                client.sendall(b"N")
            words = body.split(b"\0")
            if code != CANCEL and b"options" in words[::2]:
                client.sendall(error(b"42704", b'unrecognized configuration parameter "bytea_output"'))
                return client.close()
            server = socket.socket(socket.AF_UNIX)
            self.sockets.append(server)
            server.connect(f"{os.environ['TL_PG_SOCKET']}/.s.PGSQL.{os.environ['TL_PG_PORT']}")
            server.sendall(struct.pack("!II", size, code) + body)
            if code == CANCEL:
                server.recv(1)  # until the server has taken it
                return client.close()
            self.started.append(dict(zip(words[::2], words[1::2])))
            threading.Thread(target=self.answer, args=[server, client], daemon=True).start()
            self.relay(incoming, server, self.asked)
            server.close()

    def answer(self, server, client):
        with contextlib.suppress(OSError, EOFError):
            self.relay(server.makefile("rb"), client, self.told)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def relay(self, incoming, to, changed):
        while True:
            kind, size = struct.unpack("!cI", exactly(incoming, 5))
            to.sendall(changed(kind, exactly(incoming, size - 4)))

    def asked(self, kind, body):
        if kind in (b"Q", b"P"):
            name, _, rest = body.partition(b"\0") if kind == b"P" else (b"", b"", body)
            text, _, types = rest.partition(b"\0")
            if LACKS.search(text):
                self.refused.append(text.decode())
                text = b"SELECT redshift_has_none()"
            body = (name + b"\0" if kind == b"P" else b"") + text + b"\0" + types
        return message(kind, body)

    def told(self, kind, body):
        if kind == b"S":
            name = body.split(b"\0")[0]
            if name in UNKNOWN:
                return b""
            if name == b"server_version":
                body = name + b"\0" + VERSION + b"\0"
        padb = message(b"S", b"padb_version\x001.0.12345\0") if kind == b"K" else b""
        return padb + message(kind, body)
