"""What a run of the simulator can be told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DEMO_BALANCES = {"USDT": "100000", "BTC": "1", "ETH": "10", "SOL": "100", "BNB": "20", "DOGE": "10000", "AXS": "100"}


@dataclass(frozen=True, slots=True)
class Options:
    """Where to listen, with or without TLS, where to write the CA, and what the demo account owns and may do."""

    host: str = "127.0.0.1"
    port: int = 9443
    control_port: int = 9444
    plain: bool = False
    directory: Path | None = None
    balances: Mapping[str, str] = field(default_factory=lambda: dict(DEMO_BALANCES))
    permissions: Mapping[str, bool] = field(default_factory=dict)
