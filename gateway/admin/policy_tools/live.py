"""``policy explain`` on the running gateway: the decision that an order would get now. No side effects.

Nothing is counted, reserved, recorded or sent but the public prices that the decision needs.
"""

from typing import Any

from gateway.admin.policy_tools import account_lines, words
from gateway.admin.policy_tools.explaining import Sources, explained
from gateway.admin.policy_tools.words import Asked, BadWords
from gateway.app import Gateway
from gateway.core.decision import Decision
from gateway.core.errors import Misuse
from gateway.core.request import Call, Endpoint, EndpointClass, Security
from gateway.core.snapshot import Snapshot
from gateway.core.token import Account, Token
from gateway.exchanges.registry import EXCHANGES
from gateway.policy.decide import decide
from gateway.policy.document import Policy
from gateway.stages.turn import Turn, look

NO_CALL = Endpoint("POST", "", "", EndpointClass.ORDER_PLACE, Security.SIGNED, None, "")
"""The row of a question: it is never signed and never sent."""


async def explain(gateway: Gateway, given: dict[str, Any]) -> dict[str, Any]:
    """What ``given["words"]`` would be answered if ``given["token"]`` asked for it now. Raises Misuse."""
    asked = _asked(given["words"])
    token, account, policy = _who(gateway, given["token"])
    place = asked.place
    if place is not None:
        await gateway.market.refresh(
            token.exchange, account.environment, place.market_id, policy.stale_after_ms, policy.sources
        )
        _listed(gateway, token, account, asked)
    turn = Turn("", EXCHANGES[token.exchange], Call(NO_CALL, asked.intent), token, account, policy)
    snapshot = look(turn, gateway.world, asked.cancels_foreign)
    _same_symbol(asked, snapshot)
    limits = gateway.accounts.limits(account.name)
    decision: Decision = decide(policy, turn.call, snapshot, limits)
    told = {"token": token.name, "account": account.name, "asked": given["words"]}
    beside = account_lines.lines(gateway.home, limits) if limits else None
    return told | explained(decision, policy, Sources(gateway.home.policies), snapshot.reference, beside)


def _asked(text: str) -> Asked:
    try:
        return words.read(text)
    except BadWords as wrong:
        raise Misuse(wrong.message, wrong.suggestion) from None


def _who(gateway: Gateway, name: str) -> tuple[Token, Account, Policy]:
    token = next((token for token in gateway.tokens.live() if token.name == name), None)
    if token is None:
        raise Misuse(f"there is no live token {name!r}", "`tradewarden token list` shows them")
    account = gateway.accounts.find(token.account)
    if account is None:
        raise Misuse(f"the account {token.account!r} of this token was removed")
    return token, account, gateway.policies.find(token.policy)


def _listed(gateway: Gateway, token: Token, account: Account, asked: Asked) -> None:
    """What the exchange does not list is refused before any policy."""
    assert asked.place is not None
    market, venue = gateway.market, (token.exchange, account.environment)
    if market.lists(*venue) and market.instrument(*venue, asked.place.market_id) is None:
        raise Misuse(f"the exchange lists no {asked.symbol} that can be valued", "no policy is asked about it")


def _same_symbol(asked: Asked, snapshot: Snapshot) -> None:
    """The market found by its id must be the one that was named."""
    if snapshot.instrument is not None and snapshot.instrument.symbol != asked.symbol:
        raise Misuse(f"{asked.symbol} was asked for, and the market is {snapshot.instrument.symbol}")
