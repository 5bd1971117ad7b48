"""The only place that lends a real key, and the only place that sends. Nothing is signed that is not recorded."""

from gateway.core.request import Answer, Call, Security
from gateway.core.token import Account, Credential
from gateway.exchanges.exchange import Exchange
from gateway.ports import Audit, Clock, Gate, Lender, Upstream
from gateway.stages import records

GATEWAY = "gateway"
"""The owner of calls that the gateway makes itself."""


class Sender:
    """Signs a recorded call with its account's key and sends it once."""

    def __init__(self, clock: Clock, audit: Audit, lender: Lender, upstream: Upstream) -> None:
        self._clock = clock
        self._audit = audit
        self._lender = lender
        self._upstream = upstream

    async def send(self, exchange: Exchange, call: Call, account: Account, owner: str, gate: Gate) -> Answer:
        """Raises NotSent or what the gate raised (not a byte left), or NoAnswer (nobody knows)."""
        now_us = self._clock.exchange_us(exchange.name)
        if call.endpoint.security is Security.NONE:
            outgoing = exchange.sign(call, account.environment, None, now_us)
        else:
            with self._lender.lend(account.name) as credential:
                outgoing = exchange.sign(call, account.environment, credential, now_us)
        return await self._upstream.send(outgoing, owner, gate)

    async def public(self, exchange: Exchange, call: Call, environment: str) -> Answer:
        """Public market data: no key, no token."""
        outgoing = exchange.sign(call, environment, None, self._clock.exchange_us(exchange.name))
        return await self._upstream.send(outgoing, GATEWAY, _open)

    async def own(self, exchange: Exchange, call: Call, account: Account, decision_id: str, why: str) -> Answer:
        """A signed call of the gateway itself, recorded like every other. Raises as ``send`` does."""
        record = self._audit.draft(records.own(decision_id, account.name, call, why))
        self._audit.append(record, sync=False)
        return await self.send(exchange, call, account, GATEWAY, _open)

    async def probe(
        self, exchange: Exchange, call: Call, account: Account, credential: Credential, decision_id: str
    ) -> Answer:
        """A signed call with a key that is not sealed yet: what may it do? Recorded like every other."""
        record = self._audit.draft(records.own(decision_id, account.name, call, "what may this key do"))
        self._audit.append(record, sync=False)
        now_us = self._clock.exchange_us(exchange.name)
        outgoing = exchange.sign(call, account.environment, credential, now_us)
        return await self._upstream.send(outgoing, GATEWAY, _open)


def _open() -> None:
    """A gate that is always open."""
