"""The only place that lends a real key, and the only place that sends. Nothing is signed that is not recorded.

While a host asks to be left alone (429, 418, Retry-After) the gateway asks it nothing on its own account, but for
cancels and what they need. What bots ask for goes on its way: their limits are their own, and exits stay open.
"""

import structlog

from gateway.core.intent import Cancel, CancelAll, Place
from gateway.core.patience import ASKS, Patience
from gateway.core.request import Answer, Call, Outgoing, Security
from gateway.core.token import Account, Credential
from gateway.exchanges.exchange import Exchange
from gateway.ports import Audit, Clock, Gate, Held, Lender, Upstream
from gateway.stages import records

log = structlog.get_logger()

GATEWAY = "gateway"
"""The owner of calls that the gateway makes itself."""


class Sender:
    """Signs a recorded call with its account's key and sends it once."""

    def __init__(self, clock: Clock, audit: Audit, lender: Lender, upstream: Upstream) -> None:
        self._clock = clock
        self._audit = audit
        self._lender = lender
        self._upstream = upstream
        self._patience = Patience()

    async def send(self, exchange: Exchange, call: Call, account: Account, owner: str, gate: Gate) -> Answer:
        """Raises NotSent or what the gate raised (not a byte left), or NoAnswer (nobody knows)."""
        outgoing = self._signed(exchange, call, account)
        return self._heeded(call, account.environment, await self._upstream.send(outgoing, owner, gate))

    def _signed(self, exchange: Exchange, call: Call, account: Account) -> Outgoing:
        """A function of its own, for what it borrows must be gone before anybody waits."""
        now_us = self._clock.exchange_us(exchange.name)
        if call.endpoint.security is Security.NONE:
            return exchange.sign(call, account.environment, None, now_us)
        with self._lender.lend(account.name) as credential:
            return exchange.sign(call, account.environment, credential, now_us)

    async def public(self, exchange: Exchange, call: Call, environment: str) -> Answer:
        """Public market data for a bot: no key, no token."""
        outgoing = exchange.sign(call, environment, None, self._clock.exchange_us(exchange.name))
        return self._heeded(call, environment, await self._upstream.send(outgoing, GATEWAY, _open))

    async def own_public(self, exchange: Exchange, call: Call, environment: str) -> Answer:
        """Public market data for the gateway itself. Raises Held, or as ``send`` does."""
        self._wait(call, environment)
        return await self.public(exchange, call, environment)

    async def own(
        self, exchange: Exchange, call: Call, account: Account, decision_id: str, why: str, *, for_exit: bool = False
    ) -> Answer:
        """A signed call of the gateway itself, recorded like every other. Raises Held, or as ``send`` does.

        ``for_exit``: a cancel waits for it.
        """
        if not for_exit and not isinstance(call.intent, Cancel | CancelAll):
            self._wait(call, account.environment)
        self._audit.note(records.own(decision_id, account.name, call, why))
        return await self.send(exchange, call, account, GATEWAY, _open)

    async def probe(
        self, exchange: Exchange, call: Call, account: Account, credential: Credential, decision_id: str
    ) -> Answer:
        """A signed call with a key that is not sealed yet: what may it do? Recorded and held back like every other."""
        self._wait(call, account.environment)
        self._audit.note(records.own(decision_id, account.name, call, "what may this key do"))
        now_us = self._clock.exchange_us(exchange.name)
        outgoing = exchange.sign(call, account.environment, credential, now_us)
        return self._heeded(call, account.environment, await self._upstream.send(outgoing, GATEWAY, _open))

    def _wait(self, call: Call, environment: str) -> None:
        left_ms = self._patience.left_ms(_host(call, environment), self._clock.now_ms())
        if left_ms:
            raise Held(f"{call.endpoint.host} asked to be left alone; it is asked again in {-(-left_ms // 1000)} s")

    def _heeded(self, call: Call, environment: str, answer: Answer) -> Answer:
        """The answer, once it was seen whether its host wants to be left alone."""
        if answer.status not in ASKS:
            return answer
        if answer.status == 429 and isinstance(call.intent, Place):
            return answer  # too many orders of one account; what the address may ask is another count
        said = next((value.decode("latin-1") for name, value in answer.headers if name == b"retry-after"), None)
        if self._patience.heard(_host(call, environment), answer.status, said, self._clock.now_ms()):
            log.warning("the exchange asks to be left alone", call=str(call.endpoint), status=answer.status, s=said)
        return answer


def _host(call: Call, environment: str) -> str:
    """What is dialled follows from these two."""
    return f"{call.endpoint.host} {environment}"


def _open() -> None:
    """A gate that is always open."""
