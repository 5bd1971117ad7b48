"""A process that a local capture names beside the bots': it says whether what it sends is captured by now.

The standard library alone. Before mitmproxy's redirector has settled in, and once it has died, what it should capture
goes its own way, and mitmproxy says nothing; this one's only way is to an address that is nobody's. It stays until the
capture ends.
"""

import signal
import socket
import sys
import time

NOBODYS = ("198.18.0.1", 80)
PAUSE_S = 0.05
ASKED = b"GET / HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n"


def captured() -> bool:
    """Whether the addon answers."""
    try:
        with socket.create_connection(NOBODYS, timeout=1) as connection:
            connection.sendall(ASKED)
            return b"tradewarden capture" in b"".join(iter(lambda: connection.recv(4096), b""))
    except OSError:
        return False


def main() -> int:
    """Asked by lines that say how long to try, in seconds; answers each by a line, or ends with 1."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is the command's, which ends this
    for line in sys.stdin:
        if not within(float(line)):
            return 1
        print("captured", flush=True)
    return 0


def within(seconds: float) -> bool:
    """Whether it is captured before so many seconds have passed."""
    deadline = time.monotonic() + seconds
    while not captured():
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE_S)
    return True


if __name__ == "__main__":
    sys.exit(main())
