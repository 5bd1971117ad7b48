"""A client and a server over a pair of sockets, for what TLS alone decides; and node, where it is installed."""

import shutil
import socket
import ssl
import subprocess
import threading
from dataclasses import dataclass
from typing import Any, Final

NODE: Final = shutil.which("node")
_NODE_CLIENT: Final = """
const tls = require("tls"), fs = require("fs");
const [port, name, ca] = process.argv.slice(1);
const options = {host: "127.0.0.1", port, servername: name, ca: fs.readFileSync(ca), ALPNProtocols: ["http/1.1"]};
if (/^[0-9.]+$/.test(name)) delete options.servername;
const socket = tls.connect(options, () => { console.log("trusted"); socket.end(); });
socket.on("error", (failure) => console.log(failure.message));
"""


@dataclass(frozen=True)
class Met:
    """What came of a handshake, as the client saw it."""

    version: str | None
    alpn: str | None
    names: list[str]


def strict(ca: bytes) -> ssl.SSLContext:
    """A client that trusts this CA alone, as strict as Python 3.13 is by itself."""
    context = ssl.create_default_context(cadata=ca.decode())
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def meet(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> Met:
    """A handshake. Raises ssl.SSLError as the client saw it."""
    here, there = socket.socketpair()
    thread = threading.Thread(target=_answer, args=(server, there))
    thread.start()
    try:
        with here, client.wrap_socket(here, server_hostname=name) as line:
            seen: Any = line.getpeercert()
            names = [value for _, value in seen["subjectAltName"]]
            return Met(line.version(), line.selected_alpn_protocol(), names)
    finally:
        thread.join(10)


def node_says(server: ssl.SSLContext, name: str, ca_file: str) -> str:
    """``trusted``, or why node does not trust the server."""
    assert NODE is not None
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=lambda: _answer(server, listening.accept()[0]))
        thread.start()
        command = [NODE, "-e", _NODE_CLIENT, "--", str(listening.getsockname()[1]), name, ca_file]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        thread.join(10)
    return done.stdout.strip()


def _answer(context: ssl.SSLContext, plain: socket.socket) -> None:
    plain.settimeout(10)
    with plain:
        try:
            with context.wrap_socket(plain, server_side=True) as line:
                line.recv(1)
        except OSError:
            pass  # the client says what was wrong


