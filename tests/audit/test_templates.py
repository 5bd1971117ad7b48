"""A filled template is to the byte the record that its body is, and holds nothing that a body could not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.line import MAX_LINE, encode
from gateway.core.record import Filled, Template
from gateway.core.secret import Secret
from tests.audit.test_line import REFUSED, VALUES

KEYS = st.text(st.sampled_from("ab%{\"\\é\N{GRINNING FACE}"), max_size=4)


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.dictionaries(KEYS, VALUES, max_size=4))
def test_it_is_encoded_as_its_body_is(fixed: dict[str, Any], filled: dict[str, Any]) -> None:
    """Whatever stands in it, for one template after the other and for one record after the other."""
    fixed = {"type": "decision"} | {key: value for key, value in fixed.items() if key not in filled}
    template = Template(fixed, tuple(sorted(filled)))
    record = Filled(template, tuple(filled[key] for key in sorted(filled)))
    assert record.body == fixed | filled
    assert encode(record) == encode(fixed | filled)
    other = Filled(template, tuple("%s" for _ in filled))
    assert encode(other) == encode(fixed | dict.fromkeys(filled, "%s"))
    assert encode(record) == encode(fixed | filled)


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED)
def test_what_a_body_cannot_hold_no_template_can(value: Any) -> None:
    """Neither what recurs nor what is filled in."""
    for record in (
        Filled(Template({"type": "x"}, ("v",)), (value,)),
        Filled(Template({"type": "x"}, ("v",)), ([{"deep": value}],)),
        Filled(Template({"type": "x", "v": value}, ("w",)), ("w",)),
    ):
        with pytest.raises((TypeError, ValueError)) as refusal:
            encode(record)
        assert "hunter2" not in str(refusal.value)


def test_a_refusal_is_not_remembered_as_a_template() -> None:
    """Nor does it spoil the records that are in order."""
    template = Template({"type": "x"}, ("v",))
    with pytest.raises(TypeError):
        encode(Filled(template, (Secret("hunter2"),)))
    assert encode(Filled(template, ("v",))) == encode({"type": "x", "v": "v"})


@pytest.mark.parametrize("values", [(), ("a", "b")])
def test_every_open_member_is_filled_once(values: tuple[str, ...]) -> None:
    """Too few or too many say nothing."""
    record = Filled(Template({"type": "x"}, ("v",)), values)
    with pytest.raises(TypeError):
        encode(record)
    with pytest.raises(ValueError, match=r"zip\(\)"):
        assert record.body


@pytest.mark.parametrize("fixed", [{}, {"type": "checkpoint"}, {"type": "Upper"}, {"type": "x", "prev": "0"}])
def test_a_template_obeys_the_law_of_bodies(fixed: dict[str, Any]) -> None:
    """A type, none that is the log's own, and no field of the chain."""
    with pytest.raises(ValueError, match=r"type|belongs to the chain"):
        encode(Filled(Template(fixed, ("v",)), ("v",)))


@pytest.mark.parametrize("name", ["type", "n", "t", "prev"])
def test_an_open_member_is_no_field_of_the_log(name: str) -> None:
    """The type is the same for all of them."""
    fixed = {} if name == "type" else {"type": "x"}
    with pytest.raises(ValueError, match=r"type|belongs to the chain"):
        encode(Filled(Template(fixed, (name,)), ("5",)))


@pytest.mark.parametrize("names", [("b", "a"), ("a", "a"), ("type",)])
def test_open_members_stand_in_order_and_are_open(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="stand in order"):
        Template({"type": "x"}, names)


def test_a_record_that_is_too_long_is_refused() -> None:
    """Also where no single value is."""
    template = Template({"type": "x", "fixed": "x" * (MAX_LINE // 2)}, ("v",))
    assert encode(Filled(template, ("v",)))
    with pytest.raises(ValueError, match="too long"):
        encode(Filled(template, ("x" * (MAX_LINE // 2),)))
