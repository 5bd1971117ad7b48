"""Each holder's own net fills since issue, by market, in units of base; an account's are the sum of its tokens'.

Law: a position is what fills said, buys minus sells. A fee that the exchange takes out of what was bought is charged to
the giveaway and leaves the position whole: it may claim a little more than the balance shows, never less.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from gateway.core.order import OrderRow, PositionRow
from gateway.ledger.flows import base
from gateway.ledger.holders import Holder, holders
from gateway.ledger.units import amount, units

_NONE: Final[dict[str, int]] = {}


class Positions:
    """All positions, taken up at the start and kept in memory: one number for each token and market."""

    def __init__(self, rows: Iterable[PositionRow]) -> None:
        self._bases: defaultdict[Holder, dict[str, int]] = defaultdict(dict)
        self._quotes: dict[tuple[str, str], str] = {}
        self._accounts: dict[str, str] = {}
        self._holding: Counter[tuple[str, str]] = Counter()
        for row in rows:
            self._add(row.token_id, row.account, row.market_id, row.currency, units(row.quantity))

    def base(self, holder: Holder, market_id: str) -> int:
        """The holder's net fills there."""
        return self._bases.get(holder, _NONE).get(market_id, 0)

    def markets(self, holder: Holder) -> Sequence[str]:
        """Where it has a position now."""
        return [market_id for market_id, number in self._bases.get(holder, _NONE).items() if number]

    def traded(self, holder: Holder, currency: str) -> Sequence[str]:
        """Where it ever traded that currency, as far as it matters to any window."""
        account = self.account(holder)
        held = self._bases.get(holder, _NONE)
        return [market_id for market_id in held if self._quotes[account, market_id] == currency]

    def is_held(self, account: str, market_id: str) -> bool:
        """Whether any token of the account has a position there; theirs may cancel each other out."""
        return self._holding[account, market_id] > 0

    def account(self, holder: Holder) -> str:
        """The account that it trades on; empty for a token that never traded."""
        return holder.name if holder.is_account else self._accounts.get(holder.name, "")

    def moved(self, changed: Iterable[tuple[OrderRow, OrderRow]], at_ms: int) -> list[PositionRow]:
        """The tokens' positions once these changes of orders are taken in; only those that move."""
        more: dict[tuple[str, str, str, str], int] = {}
        for before, after in changed:
            key = (after.token_id, after.market_id, after.account, after.currency)
            more[key] = more.get(key, 0) + base(before, after)
        return [
            PositionRow(*key, amount(self.base(Holder(key[0]), key[1]) + number), at_ms)
            for key, number in more.items()
            if number
        ]

    def put(self, row: PositionRow) -> None:
        """Take in a token's new position, and with it its account's."""
        more = units(row.quantity) - self.base(Holder(row.token_id), row.market_id)
        self._add(row.token_id, row.account, row.market_id, row.currency, more)

    def _add(self, token_id: str, account: str, market_id: str, currency: str, more: int) -> None:
        self._accounts[token_id] = account
        self._quotes[account, market_id] = currency
        before = self.base(Holder(token_id), market_id)
        self._holding[account, market_id] += bool(before + more) - bool(before)
        for holder in holders(token_id, account):
            bases = self._bases[holder]
            bases[market_id] = bases.get(market_id, 0) + more
