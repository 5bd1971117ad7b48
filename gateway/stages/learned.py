"""Writing down what an answer taught. It comes after the send, so a failure here may not hide the answer:

the order simply stays reserved, which is the safe side, and the reconciler asks the exchange for it.
"""

from collections.abc import Callable, Sequence

import structlog

from gateway.core.errors import GatewayError
from gateway.core.order import OrderEvent
from gateway.ports import Record, Surroundings
from gateway.stages import records

log = structlog.get_logger()


def with_record(world: Surroundings, body: records.Body, change: Callable[[Record], object]) -> None:
    """Make a change to the ledger and append its record; a full disk leaves the order reserved, and says so."""
    record = world.audit.draft(body)
    try:
        change(record)
        world.audit.append(record, sync=False)
    except GatewayError as failure:
        log.error("outcome not written; the order stays reserved until reconciled", d=body.get("d"), why=str(failure))


def settle(world: Surroundings, account: str, events: Sequence[OrderEvent], body: records.Body) -> None:
    """Take in what an answer said of orders, with its record."""
    now_ms = world.clock.now_ms()
    with_record(world, body, lambda record: world.ledger.settle(account, events, now_ms, record))


def note(world: Surroundings, body: records.Body) -> None:
    """A record that changes nothing in the ledger."""
    with_record(world, body, lambda _: None)
