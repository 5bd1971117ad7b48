"""The markets of a rehearsal: those of the simulated exchange, and those that the policy names beside them."""

from decimal import Decimal

from gateway.admin.policy_tools import words
from gateway.core.errors import Misuse
from gateway.core.request import Answer
from gateway.core.snapshot import Instrument
from gateway.exchanges.registry import EXCHANGES
from gateway.policy.document import Policy
from gateway.simulator.binance.state import State
from gateway.simulator.binance.venue import answer
from gateway.simulator.core.instruments import DEFAULT_INSTRUMENTS
from gateway.simulator.core.instruments import Instrument as Listed
from gateway.simulator.messages import Request


def listed_by(state: State) -> list[Listed]:
    """The markets of the simulated exchange."""
    return [market.instrument for market in state.exchange.markets.values()]


def instruments(exchange_name: str, state: State, now_us: int) -> dict[str, Instrument]:
    """The markets as the adapter reads them from the exchange's own list."""
    exchange = EXCHANGES[exchange_name]
    asked = exchange.sign(exchange.instruments(), "live", None, now_us)
    reply = answer(state, Request(asked.method, asked.target, asked.body, {}, "127.0.0.1"), now_us).reply
    if reply.status != 200:
        raise Misuse("the simulated exchange does not list its markets")
    found = exchange.parse_instruments(Answer(reply.status, (), reply.body))
    return {instrument.market_id: instrument for instrument in found}


def quote_of(policy: Policy) -> str:
    """The currency that losses under this policy are told in."""
    names = sorted(name.rpartition("/")[2] for name in policy.symbols if not name.endswith("/*"))
    return names[0] if names else "USDT"


def market_list(policy: Policy) -> tuple[Listed, ...]:
    """The simulator's own markets, and those that the policy names beside them."""
    known = {listed.symbol for listed in DEFAULT_INSTRUMENTS}
    more = [name for name in sorted(policy.symbols) if "*" not in name and words.market_id(name) not in known]
    return (*DEFAULT_INSTRUMENTS, *map(_invented, more))


def _invented(symbol: str) -> Listed:
    """A market that the simulator does not have: a liquid one at 100."""
    base, _, quote = symbol.partition("/")
    cent, step, most = Decimal("0.01"), Decimal("0.0001"), Decimal(100_000)
    deep, spread = Decimal(40_000), Decimal("0.0002")
    return Listed(base + quote, base, quote, Decimal(100), cent, step, most, most, Decimal(5), deep, spread)


def covers(policy: Policy, listed: Listed) -> bool:
    """Whether the policy lets its token trade there."""
    names = {f"{listed.base}/{listed.quote}", f"*/{listed.quote}", f"{listed.base}/*"}
    return bool(names & policy.symbols)
