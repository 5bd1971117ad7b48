"""Writing down what an answer taught. It comes after the send, so a failure here may not hide the answer:

the order simply stays reserved, which is the safe side, and the reconciler asks the exchange for it.
"""

from collections.abc import Callable, Sequence

import structlog
from msgspec import structs

from gateway.core.errors import GatewayError, Unavailable
from gateway.core.order import OrderEvent
from gateway.core.record import Body, Filled
from gateway.ports import Need, Record, Surroundings

log = structlog.get_logger()


def with_record(world: Surroundings, body: Body, change: Callable[[Record], object]) -> None:
    """Make a change to the ledger and append its record; a full disk leaves the order reserved, and says so."""
    try:
        try:
            _once(world, body, change)
        except Unavailable:
            world.audit.release_reserve()
            _once(world, body, change)
    except Exception as failure:
        _unwritten(body, failure)


def _once(world: Surroundings, body: Body, change: Callable[[Record], object]) -> None:
    record = world.audit.draft(body)
    change(record)
    world.audit.append(record, sync=False)


def settle(
    world: Surroundings, account: str, events: Sequence[OrderEvent], body: Body, own: str | None = None
) -> None:
    """Take in what an answer said of orders, with its record. ``own``: see :func:`by_number`."""
    now_ms, numbered = world.clock.now_ms(), by_number(events, own)
    with_record(world, body, lambda record: world.ledger.settle(account, numbered, now_ms, record))


def by_number(events: Sequence[OrderEvent], own: str | None = None) -> tuple[OrderEvent, ...]:
    """The events without the names that nobody vouches for: they teach of orders whose exchange ids are known.

    A name can be borrowed: bots choose theirs, and a person's order may have had the same one a moment ago. Only what
    answers the order itself, or the gateway's own question for it by that name (``own``), is taken by name.
    """
    return tuple([event if event.client_id == own else structs.replace(event, client_id=None) for event in events])


def note(world: Surroundings, body: Body | Filled, need: Need = Need.EXIT) -> None:
    """A record that changes nothing in the ledger. The log itself gives it the exits' room where it may have it."""
    try:
        world.audit.note(body, need=need)
    except Exception as failure:
        _unwritten(body, failure)


def _unwritten(record: Body | Filled, failure: Exception) -> None:
    body = record.body if isinstance(record, Filled) else record
    why = {"why": str(failure)} if isinstance(failure, GatewayError) else {"exc_info": failure}
    log.error("outcome not written; the order stays reserved until reconciled", d=body.get("d"), **why)
