"""Cancelling orders after a revocation, with the real keys. It runs afterwards, and its failure undoes nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from os import urandom
from typing import Any

from gateway.app import Gateway
from gateway.core.errors import GatewayError
from gateway.core.order import OrderRow
from gateway.core.request import Call
from gateway.core.token import Account
from gateway.core.ulid import ulid
from gateway.exchanges.exchange import Outcome
from gateway.stages import records
from gateway.stages.learned import settle


@dataclass(slots=True)
class Swept:
    """What became of the cancels."""

    cancelled: int = 0
    failures: list[str] = field(default_factory=list)

    def result(self) -> dict[str, Any]:
        """For the command's output; any failure makes it exit 1."""
        return {"cancelled": self.cancelled, "cancel_failures": self.failures}


async def cancel_orders(gateway: Gateway, orders: Iterable[OrderRow]) -> Swept:
    """Cancel these, one by one."""
    swept = Swept()
    for order in orders:
        account = gateway.accounts.find(order.account)
        if account is not None:
            exchange = gateway.exchanges[account.exchange]
            call = exchange.cancel_order(order.market_id, order.order_id, None if order.order_id else order.client_id)
            await _cancel(gateway, account, call, f"{order.market_id} {order.client_id}", swept)
    return swept


async def cancel_all(gateway: Gateway) -> Swept:
    """Cancel every working order of every account, whoever placed it."""
    swept = Swept()
    for account in gateway.accounts.all():
        for market_id, order_id in await _open_orders(gateway, account, swept):
            call = gateway.exchanges[account.exchange].cancel_order(market_id, order_id, None)
            await _cancel(gateway, account, call, f"{market_id} {order_id}", swept)
    return swept


async def _open_orders(gateway: Gateway, account: Account, swept: Swept) -> Sequence[tuple[str, str]]:
    exchange = gateway.exchanges[account.exchange]
    call = exchange.open_orders(None)
    try:
        answer = await gateway.sender.own(exchange, call, account, _decision_id(gateway), "panic", for_exit=True)
    except GatewayError as failure:
        swept.failures.append(f"{account.name}: {failure}")
        return []
    orders = exchange.parse_open_orders(answer)
    if orders is None:
        swept.failures.append(f"{account.name}: the exchange does not list its open orders (HTTP {answer.status})")
        return []
    return [(order.market_id, order.order_id) for order in orders]


async def _cancel(gateway: Gateway, account: Account, call: Call, what: str, swept: Swept) -> None:
    exchange = gateway.exchanges[account.exchange]
    decision_id = _decision_id(gateway)
    try:
        answer = await gateway.sender.own(exchange, call, account, decision_id, "cancel orders")
    except GatewayError as failure:
        swept.failures.append(f"{account.name} {what}: {failure}")
        return
    lesson = exchange.learn(call, answer)
    settle(gateway.world, account.name, lesson.events, records.outcome(decision_id, answer, lesson))
    if lesson.outcome is Outcome.ACCEPTED:
        swept.cancelled += 1
    else:
        swept.failures.append(f"{account.name} {what}: HTTP {answer.status} {lesson.error}".rstrip())


def _decision_id(gateway: Gateway) -> str:
    return ulid(gateway.clock.now_ms(), urandom(10))
