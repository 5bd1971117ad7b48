"""Controls that no policy can lift: what is never served, the token's state, and orders that nothing bounds."""

from dataclasses import dataclass
from typing import assert_never

from gateway.core.decision import DenyCode, Finding
from gateway.core.intent import Cancel, CancelAll, Forbidden, Place, Public, Read
from gateway.core.request import Call
from gateway.core.snapshot import Snapshot
from gateway.core.token import TokenState
from gateway.policy.controls.control import ORDERS, Control, Valued
from gateway.policy.valuation import Unvalued, Valuation, reduction


@dataclass(frozen=True, slots=True)
class Never(Control):
    """What the exchange's table forbids stays forbidden."""

    concerns = frozenset({Forbidden})
    rule = "forbidden"

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Forbidden():
                return self.fails(DenyCode.UNSUPPORTED if intent.ever else DenyCode.FORBIDDEN, intent.why)
            case Place() | Read() | Public() | Cancel() | CancelAll():
                return self.silent
            case _:
                assert_never(intent)


@dataclass(frozen=True, slots=True)
class State(Control):
    """The token's state: paused leaves cancels and reads, reduce_only reductions too, revoked leaves nothing."""

    rule = "state"

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        if snapshot.state is TokenState.REVOKED:
            return self.fails(DenyCode.TOKEN, "the token is revoked")
        intent = call.intent
        match intent:
            case Place():
                return self._placed(snapshot.state, valued)
            case Read() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)

    def _placed(self, state: TokenState, valued: Valued) -> Finding:
        if state is TokenState.ACTIVE:
            return self.granted
        if state is not TokenState.REDUCE_ONLY:
            return self.fails(DenyCode.STATE, f"the token is {state}: cancels and reads only")
        if reduction(valued):
            return self.passes(state, "a reduction")
        return self.fails(DenyCode.STATE, f"the token is {state}: cancels, reads and reductions of its own position")


@dataclass(frozen=True, slots=True)
class Bounded(Control):
    """An order has a worst price and quantity that the exchange itself enforces, or it does not leave."""

    concerns = ORDERS
    rule = "price"

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Place():
                return self._bounded(valued)
            case Read() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)

    def _bounded(self, valued: Valued) -> Finding:
        if isinstance(valued, Valuation):
            return self.granted
        if isinstance(valued, Unvalued):
            return self.fails(valued.code, valued.detail)
        return self.unvalued(valued)
