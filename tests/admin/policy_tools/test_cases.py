"""Test files are read as strictly as policies: every problem with its line and column, and what would be right."""

from decimal import Decimal

import pytest

from gateway.admin.policy_tools.cases import MOST_CASES, load
from gateway.admin.policy_tools.given import NOTHING, READERS, Given
from gateway.core.token import TokenState
from gateway.policy.strict_yaml import DocumentError

HEAD = "version: 1\ncases:\n"
CASE = "  - name: a\n    when: buy 1 BTC/USDT limit 5\n    expect: allow\n"


def problems(text: str) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        load(text, "grid")
    return [problem.render("x").removeprefix("x:") for problem in caught.value.problems]


def test_a_file_is_read_into_its_cases() -> None:
    """The world of all cases, with what each adds; lines as they stand."""
    suite = load(
        "version: 1\npolicy: dca\ngiven: {price: 60_000, turnover: 5}\ncases:\n"
        "  - name: a\n    given: {turnover: 7, state: paused}\n    when: cancel own\n    expect: deny state\n"
        "  - name: b\n    when: read orders\n    expect: shadow allow.reads\n",
        "grid",
    )
    assert suite.policy == "dca"
    first, second = suite.cases
    assert (first.name, first.line, first.expect) == ("a", 5, "deny state")
    assert first.scene.given == Given(price=Decimal(60000), turnover=Decimal(7), state=TokenState.PAUSED)
    assert (second.line, second.scene.given) == (9, Given(price=Decimal(60000), turnover=Decimal(5)))


def test_the_policy_is_the_files_own_where_none_is_named() -> None:
    """grid.test.yaml tests grid."""
    assert load(HEAD + CASE, "grid").policy == "grid"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CASE, "1:3: a test file is a mapping of keys to values; known: version, policy, given, cases"),
        ("cases:\n" + CASE, "1:1: version: this version of the gateway reads version 1 only; write version: 1"),
        ("version: 2\ncases:\n" + CASE, "1:10: version: this version of the gateway reads version 1 only; "
         "write version: 1"),
        ("version: 1\n", "1:1: cases: expected a list of cases; begin one with - name:"),
        ("version: 1\ncases:\n", "2:7: cases: expected a list of cases; begin one with - name:"),
        (HEAD + "  - name: a\n    expect: allow\n", "3:5: when: is missing in this case; add when:"),
        (HEAD + CASE.replace("expect", "expct"), "5:5: unknown key 'expct'; did you mean expect?"),
        (HEAD + CASE.replace("allow", "allowed"), "5:13: 'allowed' is no expectation; write it like: allow, "
         "or deny limits.order"),
        (HEAD + CASE.replace("allow", "deny limit.order"), "5:13: 'limit.order' is no rule; "
         "did you mean limits.order?"),
        (HEAD + CASE.replace("limit 5", "limt 5"), "4:11: 'limt' is no kind of order; known: market, limit, "
         "post_only, stop, stop_limit, take_profit, take_profit_limit, trailing_stop"),
        (HEAD + CASE + CASE, "6:3: name: 'a' stands here twice; it stands on line 3 already"),
        ("version: 1\ngiven: {prise: 5}\ncases:\n" + CASE, "2:9: unknown key 'prise'; did you mean price?"),
        ("version: 1\ngiven: {price: 0}\ncases:\n" + CASE, "2:16: price: zero makes no sense here"),
        ("version: 1\ngiven: {state: asleep}\ncases:\n" + CASE, "2:16: state: 'asleep' is no state of a token; "
         "known: active, reduce_only, paused, revoked"),
        ("version: 1\ngiven: {time: noon}\ncases:\n" + CASE, "2:15: time: 'noon' is no time in UTC; "
         "write it like 2026-01-07T12:00:00"),
        (HEAD + CASE + "    given: [5]\n", "6:12: given is a mapping of keys to values; known: " + ", ".join(READERS)),
    ],
)  # fmt: skip
def test_a_mistake_is_told_at_its_place(text: str, told: str) -> None:
    """With a suggestion that leads on."""
    assert told in problems(text)


def test_all_mistakes_are_told_at_once() -> None:
    """Nobody mends a file one error at a time."""
    assert len(problems(HEAD + CASE.replace("allow", "alow") + CASE.replace("name: a", "nam: b"))) == 3


def test_a_file_has_no_more_cases_than_it_may() -> None:
    """Reading stays quick."""
    many = "".join(f"  - {{name: {number}, when: cancel own, expect: allow}}\n" for number in range(MOST_CASES + 1))
    assert problems(HEAD + many) == ["3:3: cases: more than 1000; split the file"]


def test_every_key_of_a_world_reads_what_it_writes() -> None:
    """A generated file states the world that it was generated from."""
    unusual = Given(
        price=Decimal("0.5"), buy=Decimal(2), sell=Decimal(3), anchor=Decimal(4), volume_24h=Decimal(5),
        volume_1h=Decimal(6), sources=0, age=1500, time=NOTHING.time + 1, state=TokenState.REDUCE_ONLY,
        position=Decimal("-0.1"), bids=Decimal(1), offers=Decimal(2), turnover=Decimal(3), giveaway=Decimal(4),
        change=Decimal(-5), open_orders=6, executions=7, messages=8, requests=9, denials=10, tick=Decimal(1),
        lot=Decimal(2), fee=Decimal("0.003"),
    )  # fmt: skip
    stated = unusual.stated()
    assert set(stated) == set(READERS)
    assert Given(**{name: READERS[name](text) for name, text in stated.items()}) == unusual
    assert unusual.stated(unusual) == {}
