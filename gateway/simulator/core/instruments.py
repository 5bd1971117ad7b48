"""What can be traded and in which steps. One row per instrument; nothing else decides a filter."""

from dataclasses import dataclass
from decimal import Decimal

ASSET_STEP = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Instrument:
    """One pair: its steps and bounds, where its price starts, how deep its market is."""

    symbol: str
    base: str
    quote: str
    start_price: Decimal
    tick: Decimal
    step: Decimal
    max_quantity: Decimal
    max_market_quantity: Decimal
    min_notional: Decimal
    level_notional: Decimal
    spread: Decimal
    max_notional: Decimal = Decimal(9_000_000)
    max_price_factor: Decimal = Decimal(5)
    min_price_factor: Decimal = Decimal("0.2")
    max_orders: int = 200
    max_stop_orders: int = 5
    max_iceberg_parts: int = 100
    trailing_bounds: tuple[int, int] = (10, 2000)

    @property
    def max_price(self) -> Decimal:
        return self.tick * 100_000_000


#  symbol     base    quote   price      tick       step       max      market    notional level  spread
_ROWS = """
BTCUSDT       BTC     USDT    60000      0.01       0.00001    9000     120       5        60000  0.0001
ETHUSDT       ETH     USDT    3000       0.01       0.0001     9000     2500      5        40000  0.0001
SOLUSDT       SOL     USDT    150        0.01       0.001      90000    30000     5        20000  0.0002
BNBUSDT       BNB     USDT    600        0.01       0.001      900000   2500      5        20000  0.0002
ETHBTC        ETH     BTC     0.05       0.00001    0.0001     100000   1500      0.0001   0.5    0.0004
DOGEUSDT      DOGE    USDT    0.15       0.00001    1          9000000  4500000   1        10000  0.0003
AXSUSDT       AXS     USDT    7          0.001      0.01       90000    8000      5        150    0.02
"""


def _instrument(row: str) -> Instrument:
    symbol, base, quote, *numbers = row.split()
    price, tick, step, most, market, notional, level, spread = map(Decimal, numbers)
    return Instrument(symbol, base, quote, price, tick, step, most, market, notional, level, spread)


DEFAULT_INSTRUMENTS = tuple(_instrument(row) for row in _ROWS.strip().splitlines())
