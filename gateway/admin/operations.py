"""What a person can have done, each once: the running gateway performs it over the control socket, a command alone
does it with the home's lock. What narrows works on a locked vault; what widens needs the gateway open.

Arguments and results are JSON values. A result never holds a secret but the one that is shown once,
and the key of a capture's certificate.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import structlog

from gateway.admin import looking, radius, views
from gateway.admin.handing import hand, whereabouts
from gateway.admin.permissions import check_key, look
from gateway.admin.sweeping import cancel_all, cancel_orders
from gateway.app import Desk, Gateway
from gateway.core.errors import Misuse
from gateway.core.order import OrderRow
from gateway.core.secret import Secret
from gateway.core.token import Account, KeyKind, TokenState
from gateway.exchanges.exchange import Exchange
from gateway.exchanges.registry import EXCHANGES
from gateway.home import checked_name
from gateway.policy import alone
from gateway.registry.lifecycle import Issued, blank_token
from gateway.store import TokenRow

log = structlog.get_logger()

Arguments = dict[str, Any]
Result = dict[str, Any]

KINDS: Final = (KeyKind.HMAC, KeyKind.ED25519)
"""The kinds of token that this version issues."""


class Operations:
    """The acts on one desk. ``close_connections`` closes a token's sockets; there are none without a gateway."""

    def __init__(self, desk: Desk, close_connections: Callable[[str], int] = lambda _: 0) -> None:
        self._desk = desk
        self._close_connections = close_connections
        self.acts: dict[str, Callable[[Arguments], Awaitable[Result]]] = {
            "account.add": self._account_add,
            "account.rotate": self._account_rotate,
            "account.remove": self._account_remove,
            "account.permissions": self._account_permissions,
            "token.issue": self._token_issue,
            "token.rotate": self._token_rotate,
            "token.pause": self._token_pause,
            "token.resume": self._token_resume,
            "token.revoke": self._token_revoke,
            "token.cancel_orders": self._token_cancel_orders,
            "token.hand": self._token_hand,
            "panic.cancel_orders": self._panic_cancel_orders,
            "passphrase.change": self._passphrase_change,
            "ca.rotate": self._ca_rotate,
            "capture.certificate": self._capture_certificate,
            "backup": self._backup,
            "status": self._status,
            "policy.explain": self._policy_explain,
        }

    async def perform(self, act: str, arguments: Arguments) -> Result:
        """Do one act. Raises Misuse for what cannot be done."""
        if act not in self.acts:
            raise Misuse(f"the running gateway does not know {act!r}", "restart it with this version")
        return await self.acts[act](arguments)

    # -- accounts -------------------------------------------------------------------------------------------------

    async def _account_add(self, given: Arguments) -> Result:
        exchange = known_exchange(given["exchange"])
        credential = exchange.credential(given["document"])
        now_ms = self._desk.clock.now_ms()
        account = Account(
            checked_name(given["name"], "an account"), exchange.name, environment(exchange, given["environment"]),
            credential.key_id, credential.kind, now_ms,
        )  # fmt: skip
        if self._desk.store.account(account.name) is not None:
            raise Misuse(f"account {account.name!r} exists", "use `account rotate` to change its key")
        checked = await self._checked(exchange, account, credential, given)
        self._desk.lifecycle.add_account(account, credential)
        if isinstance(self._desk, Gateway):
            self._desk.accounts.put(account)
        return looking.account(account) | checked

    async def _account_rotate(self, given: Arguments) -> Result:
        gateway = self._gateway()
        old = gateway.accounts.find(given["name"])
        if old is None:
            raise Misuse(f"there is no account {given['name']!r}", "`tradewarden account list` shows them")
        exchange = known_exchange(old.exchange)
        credential = exchange.credential(given["document"])
        checked = await self._checked(exchange, old, credential, given)
        account = gateway.lifecycle.rotate_account(old.name, credential)
        gateway.lender.forget(old.name)
        gateway.accounts.put(account)
        return looking.account(account) | checked

    async def _checked(self, exchange: Exchange, account: Account, credential: Any, given: Arguments) -> Result:
        """What the exchange says the key may do; empty with ``--no-check``. Raises Misuse for a key to refuse."""
        if not given["check"]:
            return {}
        return await check_key(self._desk, exchange, account, credential, bool(given["allow_withdraw"]))

    async def _account_remove(self, given: Arguments) -> Result:
        self._desk.lifecycle.remove_account(given["name"])
        self._desk.lender.forget(given["name"])
        if isinstance(self._desk, Gateway):
            self._desk.accounts.drop(given["name"])
        return {"removed": given["name"]}

    async def _account_permissions(self, _: Arguments) -> Result:
        accounts = self._gateway().accounts.all()
        return {"accounts": [await look(self._desk, known_exchange(one.exchange), one) for one in accounts]}

    # -- tokens ---------------------------------------------------------------------------------------------------

    async def _token_issue(self, given: Arguments) -> Result:
        gateway = self._gateway()
        account = gateway.accounts.find(given["account"])
        if account is None:
            raise Misuse(f"there is no account {given['account']!r}", "`tradewarden account list` shows them")
        gateway.policies.reload()
        if given["policy"] not in gateway.policies.known():
            problem = gateway.policies.problems.get(given["policy"])
            raise Misuse(f"there is no policy {given['policy']!r}", problem or "put a file into policies/")
        kind = KeyKind(given["kind"])
        if kind not in KINDS:
            raise Misuse(f"tokens of kind {kind.value} are not supported yet", "use hmac or ed25519")
        blank = blank_token(
            checked_name(given["name"], "a token"), account, given["policy"], kind, gateway.clock.now_ms(),
            given["expires_at"], tuple(given["addresses"]),
        )  # fmt: skip
        issued = gateway.lifecycle.issue(known_exchange(account.exchange), blank)
        gateway.tokens.put(issued.token)
        return self._credential(issued)

    async def _token_rotate(self, given: Arguments) -> Result:
        gateway = self._gateway()
        row = self._row(given["name"])
        issued = gateway.lifecycle.rotate(known_exchange(row.exchange), row.name)
        gateway.tokens.put(issued.token)
        gateway.upstream.abort_unsent(row.id)
        self._close_connections(row.id)
        return self._credential(issued)

    async def _token_pause(self, given: Arguments) -> Result:
        row = self._row(given["name"])
        try:
            was = self._desk.lifecycle.pause(row.name)
        finally:
            if isinstance(self._desk, Gateway) and self._row(row.name).state is TokenState.PAUSED:
                self._desk.paused(row.name)
        return {"token": row.name, "state": TokenState.PAUSED.value, "was": was.value}

    async def _token_resume(self, given: Arguments) -> Result:
        gateway = self._gateway()
        token = gateway.lifecycle.resume(given["name"])
        gateway.tokens.lift(token.id)
        gateway.tokens.put(token)
        return {"token": token.name, "state": token.state.value}

    async def _token_revoke(self, given: Arguments) -> Result:
        """A name that nobody knows keeps none of the others alive."""
        names = self._names(given)
        unknown = [name for name in names if self._desk.store.token(name) is None]
        gone, already = self._revoked([name for name in names if name not in unknown])
        return {
            "revoked": [row.name for row in gone],
            "already_revoked": already,
            "unknown": unknown,
            "working_orders": {row.name: len(self._working(row)) for row in gone},
        }

    async def _token_cancel_orders(self, given: Arguments) -> Result:
        rows = [self._row(name) for name in given["names"]]
        swept = await cancel_orders(self._gateway(), [order for row in rows for order in self._working(row)])
        return swept.result()

    async def _token_hand(self, given: Arguments) -> Result:
        return hand(self._gateway(), given)

    async def _panic_cancel_orders(self, _: Arguments) -> Result:
        return (await cancel_all(self._gateway())).result()

    def _revoked(self, names: Sequence[str]) -> tuple[list[TokenRow], list[str]]:
        """Durable first, then memory, then what is on its way, then the sockets; all in one step of the loop."""
        already = [name for name in names if self._row(name).state is TokenState.REVOKED]
        try:
            gone = self._desk.lifecycle.revoke(names)
        finally:
            # Even if the log failed after the rows were changed: what is revoked on the disk serves nobody here.
            for row in map(self._row, names):
                if row.state is TokenState.REVOKED:
                    self._forget(row.id)
        return gone, already

    def _forget(self, token_id: str) -> None:
        if isinstance(self._desk, Gateway):
            self._desk.tokens.drop(token_id)
            self._desk.upstream.abort_unsent(token_id)
        self._close_connections(token_id)

    def _names(self, given: Arguments) -> list[str]:
        if not given["all"]:
            return list(given["names"])
        live = {token.name for token in self._desk.tokens.live()} if isinstance(self._desk, Gateway) else set()
        return sorted(live.union(row.name for row in self._live()))

    def _live(self) -> list[TokenRow]:
        return [row for row in self._desk.store.tokens() if row.state is not TokenState.REVOKED]

    def _row(self, name: str) -> TokenRow:
        row = self._desk.store.token(name)
        if row is None:
            raise Misuse(f"there is no token {name!r}", "`tradewarden token list` shows them")
        return row

    def _working(self, row: TokenRow) -> list[OrderRow]:
        if isinstance(self._desk, Gateway):
            return list(self._desk.ledger.working(row.account, row.id))
        return [order for order in self._desk.store.working_orders() if order.token_id == row.id]

    def _credential(self, issued: Issued) -> Result:
        """What a bot is given, in ccxt's names; the secret is shown here and never again."""
        gateway = self._gateway()
        own = {"token": issued.token.name, "apiKey": issued.token.id, "secret": issued.secret}
        policy, account = gateway.policies.find(issued.token.policy), gateway.accounts.find(issued.token.account)
        unmet = alone.warning(policy, account.environment) if account else None
        return own | whereabouts(gateway) | {"blast_radius": radius.of_policy(policy), "warning": unmet}

    # -- the home -------------------------------------------------------------------------------------------------

    async def _passphrase_change(self, given: Arguments) -> Result:
        gateway = self._gateway()
        new = Secret(given["passphrase"])
        header = await asyncio.to_thread(gateway.vault.rewrap, new, gateway.world.random)
        gateway.replace_header(header)
        return {"changed": True}

    async def _ca_rotate(self, given: Arguments) -> Result:
        from gateway.admin.certificates import rotate

        return rotate(self._gateway(), given["which"])

    async def _capture_certificate(self, _: Arguments) -> Result:
        from gateway.admin.capture.leaf import hand_out

        return hand_out(self._gateway())

    async def _backup(self, given: Arguments) -> Result:
        from gateway.admin.archive import write_backup

        return await asyncio.to_thread(write_backup, self._desk.home, self._snapshot(), Path(given["file"]))

    def _snapshot(self) -> Path:
        """A consistent copy of the state, made while nothing else can change it."""
        self._desk.audit.tick()
        copy = self._desk.home.path / "backup.tmp"
        copy.unlink(missing_ok=True)
        self._desk.store.backup(copy)
        return copy

    async def _status(self, _: Arguments) -> Result:
        return views.status(self._gateway())

    async def _policy_explain(self, given: Arguments) -> Result:
        from gateway.admin.policy_tools.live import explain

        return await explain(self._gateway(), given)

    def _gateway(self) -> Gateway:
        if not isinstance(self._desk, Gateway):
            raise Misuse("this needs the open vault", "give the passphrase")
        return self._desk


def known_exchange(name: str) -> Exchange:
    """The adapter of that name. Raises Misuse."""
    if name not in EXCHANGES:
        raise Misuse(f"exchange {name!r} is not supported yet", f"supported: {', '.join(EXCHANGES)}")
    return EXCHANGES[name]


def environment(exchange: Exchange, name: str) -> str:
    """The environment, if the exchange has it. Raises Misuse."""
    if name not in exchange.hosts.values():
        raise Misuse(f"{exchange.name} has no environment {name!r}", "use live, testnet or demo")
    return name
