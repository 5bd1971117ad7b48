"""``policy explain --policy FILE --price P``: a dry look without a gateway, in a world where nothing has happened."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway.admin.policy_tools import words
from gateway.admin.policy_tools.explaining import Sources, explained
from gateway.admin.policy_tools.given import NOTHING, decided, snapshot
from gateway.core.errors import Misuse
from gateway.policy.document import Policy, load
from gateway.policy.grammar import BadValue
from gateway.policy.inherit import Parents
from gateway.policy.strict_yaml import DocumentError
from gateway.registry.policies import beside


def read_policy(path: Path, parents: Parents | None = None) -> Policy:
    """The policy of this file, under the parents beside it or those given. Raises Misuse with its first problem."""
    try:
        return load(path.read_bytes(), path.stem, parents or beside(path.parent))
    except OSError as failure:
        raise Misuse(f"{path} cannot be read: {failure.strerror}") from failure
    except DocumentError as wrong:
        raise Misuse(wrong.problems[0].render(str(path)), "`policy check` shows every problem") from None


def read_candidate(path: Path, directory: Path) -> Policy:
    """The same of a file that might come into ``directory``, where it may lack its parents. Raises Misuse."""
    at_home = beside(directory)

    def parent(name: str) -> Policy:
        return beside(path.parent)(name) if (path.parent / f"{name}.yaml").exists() else at_home(name)

    return read_policy(path, parent)


def explain(path: Path, text: str, price: Decimal) -> dict[str, Any]:
    """What the file would say of these words at that price, to a token that has used nothing."""
    policy = read_policy(path)
    try:
        asked = words.read(text)
    except BadValue as wrong:
        raise Misuse(wrong.message, wrong.suggestion) from None
    given = replace(NOTHING, price=price)
    decision = decided(policy, asked, given)
    told = {"token": None, "account": None, "asked": text}
    return told | explained(decision, policy, Sources(path.parent), snapshot(asked, given).reference)
