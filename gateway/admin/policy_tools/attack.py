"""``policy attack``: each known drain and trick on its own rehearsal, and what it cost beside the printed bound."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final

from gateway.admin.policy_tools import drains, tricks
from gateway.admin.policy_tools.house import House
from gateway.core.money import plain
from gateway.policy.blast import BlastRadius, blast_radius
from gateway.policy.document import Policy

Attack = Callable[[House], Awaitable[None]]
ATTACKS: Final[dict[str, Attack]] = {
    "VIA": drains.via,
    "SYS": drains.sys_,
    "DMG": drains.dmg,
    "AXS": drains.axs,
    "sell-wall": drains.sell_wall,
    "walk-the-price": drains.walk,
    "order flood": drains.flood,
    "fees": drains.churn,
    "triggers": drains.triggers,
    "child orders": tricks.children,
    "amend-up": tricks.amend_up,
    "odd numbers": tricks.numbers,
    "duplicate keys": tricks.duplicates,
    "STP=TRANSFER": tricks.self_trade,
    "withdraw": tricks.out,
}
_CENT: Final = Decimal("0.01")


def play(policy: Policy) -> dict[str, Any]:
    """Every attack under this policy, and the verdict: whether any took more than the policy's drain."""
    radius = blast_radius(policy)
    rows = [asyncio.run(_played(policy, name, attack)) for name, attack in ATTACKS.items()]
    over = [row["attack"] for row in rows if row.pop("exceeds")]
    return {
        "policy": policy.name, "ok": not over, "exceeded_by": over, "blast_radius": radius.document(),
        "attacks": [{name: value for name, value in row.items() if name != "lost"} for row in rows],
        "verdict": _verdict(radius, max(rows, key=lambda row: row["lost"])["loss"], over),
    }  # fmt: skip


async def _played(policy: Policy, name: str, attack: Attack) -> dict[str, Any]:
    house = House(policy)
    await attack(house)
    lost = house.lost()
    told = f"{plain(lost.quantize(_CENT, ROUND_CEILING))} {house.quote}"
    what = " ".join((attack.__doc__ or "").split())
    return {
        "attack": name, "sent": house.sent, "passed": house.passed, "loss": told, "what": what,
        "refused_by": dict(house.refusals), "lost": lost, "exceeds": _exceeds(house, lost),
    }  # fmt: skip


def _exceeds(house: House, lost: Decimal) -> bool:
    """Whether it took more than the drain within any one of its windows."""
    drain = blast_radius(house.policy).drain
    if drain is None:
        return False
    within_one = drain.per_ms is None or house.elapsed_ms() < drain.per_ms
    return house.given(drain.per_ms) > drain.amount or (within_one and lost > drain.amount)


def _verdict(radius: BlastRadius, most: str, over: list[str]) -> str:
    bound = str(radius.drain) if radius.drain is not None else f"not bounded ({'; '.join(radius.why)})"
    told = f"worst loss {most}; drain: {bound}"
    return f"{told}; EXCEEDED by {', '.join(over)}: please report it" if over else told
