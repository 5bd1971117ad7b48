"""The shelf: what is valid takes effect, what is not leaves the old in force; children follow their parents."""

from pathlib import Path
from typing import Any

import pytest

from gateway.policy.controls.sizes import OrderLimit
from gateway.policy.inherit import NoParent
from gateway.registry.policies import MAX_CHAIN, PolicyShelf, beside

HOUSE = """\
version: 1
allow: {symbols: [BTC/USDT], orders: [limit]}
limits: {order: 500 USDT, turnover: 1_000 USDT per 24h}
price: {giveaway: 10 USDT per 24h}
"""


class Directory:
    """Policy files, the shelf over them, and what it noted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: list[dict[str, Any]] = []
        self.shelf = PolicyShelf(path, self.notes.append)

    def write(self, **texts: str) -> "Directory":
        for name, text in texts.items():
            (self.path / f"{name}.yaml").write_text(text)
        self.notes.clear()
        self.shelf.reload()
        return self

    def order(self, name: str) -> str:
        found = self.shelf.find(name).find(OrderLimit)
        return found.text if found else "none"


@pytest.fixture
def files(tmp_path: Path) -> Directory:
    return Directory(tmp_path)


def test_a_child_is_taken_whatever_the_order_of_the_files(files: Directory) -> None:
    """Parents are read before their children, each once."""
    files.write(a="version: 1\nextends: z\n", z=HOUSE, b="version: 1\nextends: a\nlimits: {order: 9 USDT}\n")
    assert (files.order("a"), files.order("b"), files.shelf.problems) == ("500 USDT", "9 USDT", {})
    assert [note["policy"] for note in files.notes] == ["z", "a", "b"]
    assert (files.notes[1]["extends"], files.notes[1]["parent"]) == ("z", files.shelf.find("z").digest)


def test_a_tightened_parent_tightens_its_children_at_once(files: Directory) -> None:
    """Those that say nothing, and those whose own file is now looser, which is shouted and stays under the parent."""
    files.write(z=HOUSE, a="version: 1\nextends: z\n", b="version: 1\nextends: z\nlimits: {order: 400 USDT}\n")
    files.write(z=HOUSE.replace("500", "300"))
    assert (files.order("z"), files.order("a"), files.order("b")) == ("300 USDT", "300 USDT", "300 USDT")
    assert set(files.shelf.problems) == {"b"}
    assert "looser than in policy 'z'" in files.shelf.problems["b"]
    assert {note["policy"] for note in files.notes if "digest" in note} == {"z", "a", "b"}
    files.write(z=HOUSE)
    assert (files.order("a"), files.order("b"), files.shelf.problems) == ("500 USDT", "400 USDT", {})


def test_a_child_that_becomes_looser_by_its_own_file_is_not_taken(files: Directory) -> None:
    """The old version stays in force, as with any other mistake."""
    files.write(z=HOUSE, b="version: 1\nextends: z\nlimits: {order: 400 USDT}\n")
    files.write(b="version: 1\nextends: z\nlimits: {order: 600 USDT}\n")
    assert files.order("b") == "400 USDT"
    files.write(z=HOUSE.replace("500", "200"))
    assert files.order("b") == "200 USDT"


def test_nothing_changed_is_nothing_noted(files: Directory) -> None:
    """A reload is not an event."""
    files.write(z=HOUSE, a="version: 1\nextends: z\n", wrong="version: 2\n", x="version: 1\nextends: x\n")
    assert files.write().notes == []


def test_an_invalid_or_missing_parent_leaves_what_was_in_force(files: Directory) -> None:
    """A child stands under the version of its parent that is in force."""
    files.write(z=HOUSE, a="version: 1\nextends: z\n")
    files.write(z="version: 2\n")
    assert (files.order("a"), set(files.shelf.problems)) == ("500 USDT", {"z"})
    (files.path / "z.yaml").unlink()
    assert files.write().order("a") == "500 USDT"
    assert set(files.shelf.problems) == {"z"}


def test_a_child_without_a_parent_never_comes_into_force(files: Directory) -> None:
    """Its tokens cancel their own orders, and no more; when the parent comes, so does the child."""
    files.write(a="version: 1\nextends: z\n")
    assert not files.shelf.find("a").orders
    assert "there is no policy 'z'" in files.shelf.problems["a"]
    files.write(z="version: 2\n")
    assert "policy 'z' is not in force" in files.shelf.problems["a"]
    files.write(z=HOUSE)
    assert (files.order("a"), files.shelf.problems) == ("500 USDT", {})


def test_policies_that_extend_each_other_are_none(files: Directory) -> None:
    """Of two or of one; what else there is is not hurt, and what was in force stays."""
    files.write(z=HOUSE, b="version: 1\nextends: z\n")
    files.write(a="version: 1\nextends: b\n", b="version: 1\nextends: a\n", c="version: 1\nextends: c\n")
    assert "policies extend each other: a, b, a" in files.shelf.problems["b"]
    assert "policies extend each other: c, c" in files.shelf.problems["c"]
    assert (files.order("b"), files.order("a"), files.order("c")) == ("500 USDT", "500 USDT", "none")


@pytest.mark.parametrize("deep", [7, MAX_CHAIN + 3])
def test_chains_end(files: Directory, deep: int) -> None:
    """Five parents and no more, however the files are named; the rest is refused."""
    chain = {f"p{9000 + number}": f"version: 1\nextends: p{9001 + number}\n" for number in range(deep)}
    files.write(**chain, **{f"p{9000 + deep}": HOUSE})
    taken = [name for name in chain if files.shelf.find(name).orders]
    assert len(taken) <= 5
    assert len(files.shelf.problems) == deep - len(taken)
    assert deep > 30 or len(taken) == 5


def test_beside_reads_parents_from_files_as_they_are(files: Directory) -> None:
    """What `policy check` needs; each way to be wrong says so."""
    files.write(z=HOUSE, a="version: 1\nextends: z\n", w="version: 2\n", x="version: 1\nextends: y\n",
                y="version: 1\nextends: x\n")  # fmt: skip
    find = beside(files.path)
    assert find("a").parent == find("z")
    told = {"nobody": "there is no policy 'nobody'", "w": "cannot be used: this version", "x": "each other"}
    for name, why in told.items():
        with pytest.raises(NoParent, match=why):
            find(name)
