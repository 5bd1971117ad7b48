"""`python -m gateway.simulator`: the simulator as a process of its own; one JSON line when it is ready."""

import argparse
from pathlib import Path

from .command import run
from .options import Options


def main() -> None:
    """Reads the command line and serves."""
    usual = Options()
    parser = argparse.ArgumentParser(prog="python -m gateway.simulator", description=__doc__)
    parser.add_argument("--host", default=usual.host)
    parser.add_argument("--port", type=int, default=usual.port, help="0 takes a free one")
    parser.add_argument("--control-port", type=int, default=usual.control_port, help="0 takes a free one")
    parser.add_argument("--plain", action="store_true", help="http instead of https")
    parser.add_argument("--dir", type=Path, default=None, help="where ca.pem is written")
    chosen = parser.parse_args()
    run(Options(chosen.host, chosen.port, chosen.control_port, chosen.plain, chosen.dir))


if __name__ == "__main__":
    main()
