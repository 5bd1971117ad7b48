"""A simulated exchange with an order book, balances and strict signature checks: to rehearse a bot and a policy.

Law: nothing here imports the rest of `gateway`, so that the two can never be wrong in the same way.
`core` is pure; `binance` is the wire without sockets; `server` and `simulator` are the edge.
"""

from .command import run
from .options import Options
from .simulator import Simulator

__all__ = ["Options", "Simulator", "run"]
