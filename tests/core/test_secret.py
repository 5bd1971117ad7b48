"""A secret shows itself to nobody who does not ask by name."""

import copy
import operator
import pickle
import traceback

import pytest

from gateway.core.secret import Secret

CANARY = "canary-5f1e"


def test_no_text_of_it_shows_it() -> None:
    secret = Secret(CANARY)
    texts = (repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", f"{[secret]}")
    assert all(CANARY not in text for text in texts)
    assert secret.reveal() == CANARY.encode()


@pytest.mark.parametrize(
    "act", [pickle.dumps, copy.copy, copy.deepcopy, hash, lambda secret: operator.eq(secret, secret)]
)
def test_it_is_not_copied_serialised_hashed_or_compared(act: object) -> None:
    with pytest.raises(TypeError):
        act(Secret(CANARY))  # type: ignore[operator]


def test_a_traceback_with_locals_does_not_show_it() -> None:
    try:
        secret = Secret(CANARY)
        raise RuntimeError("failed")
    except RuntimeError as failure:
        shown = "".join(traceback.TracebackException.from_exception(failure, capture_locals=True).format())
    assert "secret = [secret]" in shown
    assert f"'{CANARY}'" not in shown
    assert secret.reveal()
