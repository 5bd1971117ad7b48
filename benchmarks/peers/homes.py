"""Homes made for a benchmark: one account, so many tokens, so long an audit log. Written where writing is cheap
(a thousand tokens are thousands of synced writes), then copied to the disk that is to be measured.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks.peers.bot import Key
from gateway.admin.beginning import begin
from gateway.app import Gateway
from gateway.core.secret import Secret
from gateway.core.token import Account, Credential, KeyKind
from gateway.exchanges.registry import EXCHANGES
from gateway.home import Home
from gateway.registry.lifecycle import blank_token
from gateway.settings import Settings

PASSPHRASE = "the passphrase of a benchmark"
POLICY = """\
version: 1
allow:
  symbols: [BTC/USDT, ETH/USDT]
  markets: [spot]
  orders: [limit]
  reads: all
limits:
  order: 500 USDT
  open_orders: 100
  turnover: 50_000 USDT per 24h
  messages: 1_000_000 per 1s
  requests: 1_000_000 per 1s
price:
  giveaway: unlimited because it is a benchmark
  sources: 1 because it is a benchmark
  market: protect 0.5%
  stale_after: 3s
"""
_FILLER = "x" * 3000


class Workshop:
    """Makes homes, each a copy of the one before with more in it. ``real`` is the account's key."""

    def __init__(self, place: Path, real: Key) -> None:
        self._home = Home(place / "home")
        begin(self._home, _passphrase())
        (self._home.policies / "bench.yaml").write_text(POLICY)
        credential = Credential(real.id, KeyKind.HMAC, Secret(real.secret.encode()))
        with self._open() as gateway:
            account = Account("main", "binance", "live", real.id, KeyKind.HMAC, gateway.clock.now_ms())
            gateway.lifecycle.add_account(account, credential)
        self._issued = 0

    def issue(self, count: int) -> list[Key]:
        """So many more tokens."""
        made = []
        with self._open() as gateway:
            account = gateway.accounts.all()[0]
            for _ in range(count):
                self._issued += 1
                name = f"bot-{self._issued}"
                blank = blank_token(name, account, "bench", KeyKind.HMAC, gateway.clock.now_ms(), None, ())
                issued = gateway.lifecycle.issue(EXCHANGES["binance"], blank)
                made.append(Key(issued.token.id, issued.secret))
        return made

    def lengthen(self, megabytes: int) -> None:
        """An audit log that is so much longer."""
        with self._open() as gateway:
            for _ in range(megabytes * 1_000_000 // len(_FILLER)):
                gateway.note({"type": "benchmark", "filler": _FILLER})

    def copied(self, place: Path) -> Home:
        """The home as it is now, elsewhere."""
        shutil.copytree(self._home.path, place, copy_function=shutil.copy2)
        return Home(place)

    @contextmanager
    def _open(self) -> Iterator[Gateway]:
        with closing(Gateway(self._home, Settings(), _passphrase())) as gateway:
            yield gateway


@contextmanager
def cheap_directory() -> Iterator[Path]:
    """In memory, where the system has such a place."""
    memory = Path("/dev/shm")
    usable = memory.is_dir() and os.access(memory, os.W_OK)
    with tempfile.TemporaryDirectory(dir=memory if usable else None) as place:
        yield Path(place)


def _passphrase() -> Secret:
    return Secret(PASSPHRASE.encode())
