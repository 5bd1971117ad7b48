"""The local clock never steps back, and never stands still."""

from gateway.market.clock import Clocks

SECOND = 1_000_000_000


class Machine:
    """A machine whose wall clock can be set."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_000 * SECOND, 5 * SECOND
        self.clocks = Clocks(lambda: self.wall, lambda: self.steady)

    def passes(self, seconds: int) -> None:
        """Time passes, on both clocks."""
        self.wall += seconds * SECOND
        self.steady += seconds * SECOND

    @property
    def now_s(self) -> int:
        """What the gateway takes for the time."""
        return self.clocks.now_ms() // 1000


def test_a_clock_that_was_set_back_goes_on_by_what_has_passed() -> None:
    """A price of a minute ago is a minute old, whatever the machine's clock says."""
    machine = Machine()
    assert machine.now_s == 1_000
    machine.wall -= 60 * SECOND
    assert machine.now_s == 1_000
    machine.passes(59)
    assert machine.now_s == 1_059
    machine.passes(10)
    assert machine.now_s == 1_069


def test_the_machines_clock_counts_again_once_it_has_caught_up() -> None:
    """And at no moment does the time step back."""
    machine = Machine()
    machine.clocks.now_ms()
    machine.wall -= 60 * SECOND
    machine.passes(30)
    assert machine.now_s == 1_030
    machine.wall += 59 * SECOND
    assert machine.now_s == 1_030
    machine.wall += 2 * SECOND
    assert machine.now_s == 1_031
    machine.passes(1)
    assert machine.now_s == 1_032


def test_a_clock_that_is_set_forward_is_believed() -> None:
    """Tokens expire, and prices age."""
    machine = Machine()
    machine.clocks.now_ms()
    machine.wall += 3_600 * SECOND
    assert machine.now_s == 4_600
