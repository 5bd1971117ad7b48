"""Where the limits over an account stand in ``gateway.yaml``. Their words are told only while they mean the same."""

from gateway.admin.policy_tools.explaining import Line, quoted_line
from gateway.home import Home
from gateway.policy.account import PREFIX, AccountLimits
from gateway.policy.strict_yaml import DocumentError
from gateway.settings import load_settings


def stated(home: Home, account: str) -> AccountLimits | None:
    """The limits that the settings state for this account now; None where there are none, or they cannot be read."""
    try:
        return load_settings(home.settings).accounts.get(account)
    except (OSError, DocumentError):
        return None


def lines(home: Home, limits: AccountLimits) -> dict[str, Line]:
    """The line of each of these limits, by the rule that findings carry; in words only where the file still says so."""
    stands = stated(home, limits.account) == limits
    return {
        PREFIX + rule: {
            "file": home.settings.name, "line": line, "text": quoted_line(home.settings, line) if stands else "",
        }
        for rule, line in limits.lines
    }  # fmt: skip
