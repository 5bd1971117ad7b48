"""Before a real key is sealed, the exchange is asked what it may do. A key that can withdraw is refused."""

from os import urandom
from typing import Any, Final

from gateway.app import Desk
from gateway.core.errors import GatewayError, Misuse
from gateway.core.token import Account, Credential
from gateway.core.ulid import ulid
from gateway.exchanges.exchange import Exchange, KeyPermissions

_TOLD: Final = ("can_withdraw", "can_transfer", "can_trade", "ip_bound")


async def check_key(
    desk: Desk, exchange: Exchange, account: Account, credential: Credential, allow_withdraw: bool
) -> dict[str, Any]:
    """What the key may do, with warnings. Raises Misuse: it can withdraw, or there is no clear answer."""
    await desk.market.measure(exchange.name, account.environment)
    permissions = await _ask(desk, exchange, account, credential)
    if permissions is None or permissions.can_withdraw is None:
        raise Misuse("the exchange gives no clear answer on what this key may do", "mend that, or use --no-check")
    if permissions.can_withdraw and not allow_withdraw:
        raise Misuse(
            "this key can withdraw",
            "make one without that permission (a stolen gateway would then still not empty the account), "
            "or insist with --allow-withdraw-key",
        )
    return {"permissions": list(permissions.granted), "warnings": _warnings(permissions)}


async def look(desk: Desk, exchange: Exchange, account: Account) -> dict[str, Any]:
    """What a sealed key may do; ``problem`` says why that is not known."""
    seen: dict[str, Any] = {"account": account.name, "problem": None} | dict.fromkeys(_TOLD)
    await desk.market.measure(exchange.name, account.environment)
    decision_id = ulid(desk.clock.now_ms(), urandom(10))
    try:
        answer = await desk.sender.own(exchange, exchange.permissions(), account, decision_id, "what may this key do")
    except GatewayError as failure:
        return seen | {"problem": f"the exchange could not be asked what its key may do: {failure}"}
    permissions = exchange.parse_permissions(answer) if answer.status == 200 else None
    if permissions is None or permissions.can_withdraw is None:
        return seen | {"problem": f"the exchange gives no clear answer on its key (HTTP {answer.status})"}
    return seen | {name: getattr(permissions, name) for name in _TOLD}


async def _ask(
    desk: Desk, exchange: Exchange, account: Account, credential: Credential
) -> KeyPermissions | None:
    decision_id = ulid(desk.clock.now_ms(), urandom(10))
    try:
        answer = await desk.sender.probe(exchange, exchange.permissions(), account, credential, decision_id)
    except GatewayError as failure:
        what = f"the exchange could not be asked what this key may do: {failure}"
        raise Misuse(what, "try again, or use --no-check") from failure
    if answer.status != 200:
        lesson = exchange.learn(exchange.permissions(), answer)
        raise Misuse(
            f"the exchange refuses this key: HTTP {answer.status} {lesson.error}".rstrip(),
            "check the key, or use --no-check",
        )
    return exchange.parse_permissions(answer)


def _warnings(permissions: KeyPermissions) -> list[str]:
    told = []
    if permissions.can_withdraw:
        told.append("the key can withdraw: whoever breaks into this machine can empty the account")
    if permissions.can_transfer:
        told.append("the key can transfer to other accounts; the gateway never does, but a thief of the key could")
    if permissions.ip_bound is False:
        told.append("the key is not bound to an IP address: bind it at the exchange to this machine's")
    if permissions.can_trade is False:
        told.append("the key may not trade: bots will only be able to read")
    return told
