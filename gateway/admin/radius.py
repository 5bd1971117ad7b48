"""The worst that tokens can do, added up for people: computed from the policies alone, whatever was used already."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gateway.home import Home
from gateway.policy.blast import blast_radius, summed
from gateway.policy.document import Policy
from gateway.registry.policies import PolicyShelf

_OVER: Final = ("revoked", "expired")


def of_policy(policy: Policy) -> dict[str, Any]:
    """One token under this policy."""
    return blast_radius(policy).document()


def of_tokens(policies: Iterable[Policy]) -> list[dict[str, Any]]:
    """Several tokens of one account, one entry for each currency; none for no token."""
    radii = [blast_radius(policy) for policy in policies]
    return [radius.document() for radius in summed(radii)] if radii else []


def of_accounts(policies_of: Mapping[str, Iterable[Policy]]) -> dict[str, list[dict[str, Any]]]:
    """Each account's live tokens together."""
    return {account: of_tokens(policies) for account, policies in policies_of.items()}


def of_home(home: Home, tokens: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The same from the tokens as they are shown and the policies as their files stand, running gateway or not."""
    policies = shelf(home)
    policies_of: dict[str, list[Policy]] = {}
    for token in tokens:
        if token["state"] not in _OVER:
            policies_of.setdefault(str(token["account"]), []).append(policies.find(str(token["policy"])))
    return of_accounts(policies_of)


def shelf(home: Home) -> PolicyShelf:
    """The policies as their files stand, for looking beside or without a running gateway."""
    policies = PolicyShelf(home.policies, lambda _: None)
    policies.reload()
    return policies


def text(document: Mapping[str, Any]) -> str:
    """A radius for a person."""
    lines = [f"{name}: {_bound(document[name])}" for name in ("drain", "exposure")]
    return "\n".join([*lines, *(f"not bounded: {reason}" for reason in document.get("not_bounded", ()))])


def _bound(bound: Mapping[str, Any] | None) -> str:
    if bound is None:
        return "not bounded"
    if bound["currency"] is None:
        return "nothing: it places no orders"
    per = f" per {bound['per']}" if bound["per"] else ""
    return f"at most {bound['amount']} {bound['currency']}{per}"
