"""What nobody can be told of is told once a minute, without the words of what failed."""

import sys
from types import SimpleNamespace

from structlog.testing import capture_logs

from gateway.admin.logs import Unraisable


def test_failures_in_callbacks_are_told_once_each() -> None:
    """A flood of them is a line for each kind; the object that failed may hold anything and is not shown."""
    hook = Unraisable()
    with capture_logs() as told:
        for kind in (ValueError, ValueError, UnicodeError):
            hook(SimpleNamespace(exc_type=kind, exc_value=kind("secret"), object=sys, err_msg=None, exc_traceback=None))
    assert [line["kind"] for line in told] == ["ValueError", "UnicodeError"]
    assert "secret" not in str(told)
