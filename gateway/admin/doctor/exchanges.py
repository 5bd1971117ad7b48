"""The accounts' exchanges: whether they are reached, by verified TLS, how their clocks stand, what the keys may do."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any, Final

from gateway.admin.control import Silent, ask
from gateway.admin.desk import operate
from gateway.admin.doctor.finding import Finding, Patient, ok, warning, wrong
from gateway.app import upstream_of
from gateway.core.errors import GatewayError, Misuse
from gateway.edge.upstream import UpstreamPool
from gateway.exchanges.registry import EXCHANGES
from gateway.ports import NoAnswer, NotSent

OWNER: Final = "doctor"
NOTABLE_MS: Final = 1_000
"""Exchanges take a time that is at most a second ahead of theirs."""
HOPELESS_MS: Final = 5_000
"""What most clients let pass between signing and arrival."""
_NOT_LOOKED: Final = "what the keys may do was not looked at"
_NTP: Final = "let the system keep its clock by NTP"


def reached(patient: Patient) -> Iterator[Finding]:
    """Each exchange and environment that an account is at."""
    places = sorted({(account["exchange"], account["environment"]) for account in patient.accounts()})
    if not places:
        yield warning("there are no accounts yet", "tradewarden account add")
        return
    yield from asyncio.run(_ask_all(patient, places))


async def _ask_all(patient: Patient, places: list[tuple[str, str]]) -> list[Finding]:
    upstream = upstream_of(patient.loaded())
    try:
        return [await _ask(upstream, name, environment) for name, environment in places]
    finally:
        await upstream.close()


async def _ask(upstream: UpstreamPool, name: str, environment: str) -> Finding:
    """What time is it? Asked twice: the first answer comes after a handshake, and tells the time late."""
    exchange, where = EXCHANGES[name], f"{name} ({environment})"
    outgoing = exchange.sign(exchange.time(), environment, None, 0)
    try:
        await upstream.send(outgoing, OWNER, lambda: None)
        asked = time.time_ns()
        answer = await upstream.send(outgoing, OWNER, lambda: None)
        middle_us = (asked + time.time_ns()) // 2_000
    except (NotSent, NoAnswer) as failure:
        return wrong(f"{where} is not reached: {failure}", "look at the network, and at upstream in gateway.yaml")
    if answer.status != 200:
        return warning(f"{where} answers with HTTP {answer.status}", "try again later; it may ask to be left alone")
    return _clock(where, (exchange.parse_time_us(answer) - middle_us) // 1000)


def _clock(where: str, offset_ms: int) -> Finding:
    told = f"{where} is reached, its certificate verified; its clock differs by {offset_ms} ms"
    if abs(offset_ms) > HOPELESS_MS:
        return wrong(told, f"{_NTP}: bots that sign by it are refused")
    return warning(told, _NTP) if abs(offset_ms) > NOTABLE_MS else ok(told)


def keys(patient: Patient) -> Iterator[Finding]:
    """What each sealed key may do. The running gateway asks; a passphrase that lies around opens no vault for this."""
    if not patient.accounts():
        return
    try:
        told = _permissions(patient)
    except Silent:
        raise Misuse(f"{_NOT_LOOKED}: no gateway runs", "start the gateway, or give --passphrase-file") from None
    except GatewayError as failure:
        raise Misuse(f"{_NOT_LOOKED}: {failure}", "see the gateway's log, and --passphrase-file") from None
    for seen in told["accounts"]:
        yield from _key(seen)


def _permissions(patient: Patient) -> dict[str, Any]:
    """Raises Silent where no gateway runs and no passphrase was given, GatewayError for all else."""
    act, passphrase = "account.permissions", patient.passphrase
    told: dict[str, Any]
    told = ask(patient.home, act, {}) if passphrase is None else operate(patient.home, act, {}, passphrase)
    return told


def _key(seen: dict[str, Any]) -> Iterator[Finding]:
    name, rotate = seen["account"], f"make another key, then: tradewarden account rotate {seen['account']}"
    if seen["problem"]:
        yield warning(f"account {name}: {seen['problem']}", "look at the key at the exchange")
        return
    if seen["can_withdraw"]:
        yield wrong(f"account {name}: its key can withdraw", rotate)
    if seen["can_transfer"]:
        yield warning(f"account {name}: its key can transfer to other accounts", rotate)
    if seen["ip_bound"] is False:
        yield warning(f"account {name}: its key is not bound to an IP address", "bind it at the exchange")
    if seen["can_trade"] is False:
        yield warning(f"account {name}: its key may not trade", "bots can only read with it")
    if not seen["can_withdraw"]:
        yield ok(f"account {name}: its key cannot withdraw")
