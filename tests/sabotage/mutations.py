"""Ways to break the gateway, one for each promise and each control. Each names the fast tests that must notice.

Law: a mutation changes behaviour and nothing else: what it breaks still imports, and fails only where it is asked.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from gateway.core.secret import Secret
from gateway.core.snapshot import Snapshot
from gateway.edge.listener import Listener
from gateway.ledger.ledger import Ledger
from gateway.policy import shadow
from gateway.policy.controls import FLOORS, SETTINGS
from gateway.policy.controls.control import Control
from gateway.ports import Gate
from gateway.stages.ownership import Ownership
from gateway.stages.turn import Turn, gate
from gateway.store.sqlite import SqliteStore

SILENT_KEYS = {"mode", "if_silent", "alerts"}
"""Settings that deny nothing by themselves; what reads them is broken below, by name."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """``apply`` breaks something in this process; ``tests`` are the files of which at least one must fail."""

    apply: Callable[[], None]
    tests: tuple[str, ...]


def _swap(place: str, new: Any) -> Callable[[], None]:
    """Replaces ``module:name`` or ``module:Class.name``, a function also wherever it was imported by its name."""

    def apply() -> None:
        module_name, _, path = place.partition(":")
        holder: Any = import_module(module_name)
        *classes, name = path.split(".")
        for step in classes:
            holder = getattr(holder, step)
        old = getattr(holder, name)
        setattr(holder, name, new)
        for module in [] if classes else list(sys.modules.values()):
            if getattr(module, "__name__", "").startswith("gateway.") and getattr(module, name, None) is old:
                setattr(module, name, new)

    return apply


def _mute(control: type[Control]) -> Callable[[], None]:
    """The control has never anything to say."""

    def silent(self: Control, call: Any, snapshot: Snapshot, valued: Any) -> Any:
        return self.silent

    return lambda: setattr(control, "check", silent)


_BEGUN, _RESERVE = SqliteStore._begun, Ledger.reserve


def _unsynced(self: SqliteStore, synced: bool) -> Any:
    return _BEGUN(self, synced=False)


def _hasty(self: Ledger, *order: Any) -> None:
    whole, self._storage = self._storage, SimpleNamespace(transaction=partial(self._storage.transaction, synced=False))
    try:
        _RESERVE(self, *order)
    finally:
        self._storage = whole


def _only_alive(self: Ownership, turn: Turn, *_: object) -> Gate:
    return gate(turn.token, self._world, opens_risk=False)


def _every_extra(sent: dict[str, str], allowed: object, carried: frozenset[str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in sent.items() if name not in carried)


def _hardly_constrained(_: object) -> x509.NameConstraints:
    return x509.NameConstraints(None, [x509.DNSName("example.invalid")])


_OPEN_UNIX = Listener.open_unix


async def _heedless(self: Listener, door: Any, listening: Any, heeds: Any) -> None:
    await _OPEN_UNIX(self, door, listening, lambda _: True)


def _in_the_clear(_: object, key: Secret) -> bytes:
    private, plain = serialization.load_der_private_key(key.reveal(), None), serialization.NoEncryption()
    return private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


CONTROLS = {
    control.rule: Mutation(_mute(control), ("tests/policy",))
    for control in (*map(type, FLOORS), *SETTINGS)
    if control.rule not in SILENT_KEYS
}
PROMISES = {
    "unknown parameters of an order pass": Mutation(
        _swap("gateway.exchanges.binance.orders:extras", _every_extra), ("tests/exchanges/binance",)
    ),
    "a parameter sent twice counts once": Mutation(
        _swap("gateway.exchanges.binance.wire:once", lambda *parts: {n: v for part in parts for n, v in part}),
        ("tests/exchanges/binance",),
    ),
    "what moves value is only not served yet": Mutation(
        _swap("gateway.exchanges.catalogue:VALUE_MOVING", frozenset()), ("tests/exchanges",)
    ),
    "signatures are not checked": Mutation(
        _swap("gateway.stages.authenticate:Authenticator._check", lambda *_: None), ("tests/stages",)
    ),
    "a signed order is good for ever": Mutation(
        _swap("gateway.stages.authenticate:Seen.first_time", lambda *_: True), ("tests/stages",)
    ),
    "tokens never expire": Mutation(_swap("gateway.core.token:Token.expired", lambda *_: False), ("tests/stages",)),
    "tokens come from anywhere": Mutation(_swap("gateway.core.token:Token.admits", lambda *_: True), ("tests/stages",)),
    "the gate before the first byte is open": Mutation(
        _swap("gateway.stages.turn:gate", lambda *_, **__: lambda: None), ("tests/stages",)
    ),
    "nothing is reserved": Mutation(_swap("gateway.ledger.ledger:Ledger.reserve", lambda *_: None), ("tests/stages",)),
    "an unknown outcome is released": Mutation(
        _swap("gateway.stages.orders:Orders._unknown", lambda self, *rest: self._release(*rest)), ("tests/stages",)
    ),
    "a client order id may come again": Mutation(
        _swap("gateway.ledger.ledger:Ledger.knows", lambda *_: False), ("tests/stages",)
    ),
    "other tokens' orders may be cancelled": Mutation(
        _swap("gateway.stages.ownership:Ownership._are_others", lambda *_: False), ("tests/stages",)
    ),
    "a cancel is not looked at again as it leaves": Mutation(
        _swap("gateway.stages.ownership:Ownership.may_leave", _only_alive), ("tests/stages/test_ownership.py",)
    ),
    "nothing is recorded": Mutation(
        _swap("gateway.audit.log:AuditLog.append", lambda *_, **__: None), ("tests/stages", "tests/audit")
    ),
    "a full disk stops nothing": Mutation(_swap("gateway.stages.turn:need_room", lambda *_: None), ("tests/stages",)),
    "shadow suspends every control": Mutation(
        _swap("gateway.policy.shadow:suspended", lambda _, found: tuple(map(shadow._suspended, found))),
        ("tests/policy/test_shadow.py",),
    ),
    "shadow suspends nothing": Mutation(
        _swap("gateway.policy.shadow:suspended", lambda _, found: found), ("tests/policy/test_shadow.py",)
    ),
    "silence lasts for ever": Mutation(
        _swap("gateway.stages.silence:Silence._is_silent", lambda *_: False), ("tests/stages/test_silence.py",)
    ),
    "nothing is alerted": Mutation(
        _swap("gateway.policy.alerts:alerts_for", lambda *_: ()), ("tests/stages", "tests/policy")
    ),
    "a borrowed name settles an order": Mutation(
        _swap("gateway.stages.learned:by_number", lambda events, _=None: tuple(events)),
        ("tests/attacks/test_borrowed_names.py",),
    ),
    "a CA signs for anybody": Mutation(
        _swap("gateway.vault.certificate:Constraints.cover", lambda *_: True), ("tests/vault/test_authority.py",)
    ),
    "a CA's certificate constrains nothing": Mutation(
        _swap("gateway.vault.certificate:Constraints.extension", _hardly_constrained),
        ("tests/vault/test_authority.py",),
    ),
    "a damaged CA is replaced unasked": Mutation(
        _swap("gateway.registry.certs:CertsFolder.has", lambda *_: False), ("tests/registry/test_authorities.py",)
    ),
    "a leaf's key is written in the clear": Mutation(
        _swap("gateway.edge.leaves:_under", _in_the_clear), ("tests/edge/test_leaves.py",)
    ),
    "one real key is two accounts": Mutation(
        _swap("gateway.registry.lifecycle:Lifecycle._only_once", lambda *_: None), ("tests/registry",)
    ),
    "there is no last good price": Mutation(
        _swap("gateway.market.market:Markets.last_good", lambda *_: None), ("tests/market/test_market.py",)
    ),
    "every order fetches a price": Mutation(
        _swap("gateway.stages.orders:Orders._is_worth_a_price", lambda *_: True), ("tests/stages/test_orders.py",)
    ),
    "a restriction with an end is none": Mutation(
        _swap("gateway.registry.overlay:Overlay.put", lambda *_: None), ("tests/registry",)
    ),
    "reservations are not synced": Mutation(
        _swap("gateway.store.sqlite:SqliteStore._begun", _unsynced), ("tests/store",)
    ),
    "an order leaves before its reservation is synced": Mutation(
        _swap("gateway.ledger.ledger:Ledger.reserve", _hasty), ("tests/stages/test_power_cut.py",)
    ),
    "a change keeps no record": Mutation(
        _swap("gateway.store.sqlite_change:SqliteChange.keep_record", lambda *_: None), ("tests/store",)
    ),
    "a checkpoint is noted before it is synced": Mutation(
        _swap("gateway.audit.log:AuditLog._sync", lambda _: None), ("tests/stages/test_power_cut.py",)
    ),
    "a secret shows itself": Mutation(
        _swap("gateway.core.secret:Secret.__repr__", lambda self: self.reveal().decode("latin-1")),
        ("tests/core/test_secret.py",),
    ),
    "any user is heard at a unix socket": Mutation(
        _swap("gateway.edge.listener:Listener.open_unix", _heedless), ("tests/edge/test_unix.py",)
    ),
    "every address may be an exchange's": Mutation(
        _swap("gateway.edge.dial:is_public", lambda _: True), ("tests/edge/test_dial.py",)
    ),
    "a liar among two sources decides": Mutation(
        _swap("gateway.market.quotes:_lower_median", lambda prices: sorted(prices)[len(prices) // 2]),
        ("tests/market/test_quotes.py",),
    ),
}
MUTATIONS = CONTROLS | PROMISES
