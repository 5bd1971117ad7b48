"""A process that reserves until it is killed, and says so after each: ``python -m tests.ledger.endless state.db``."""

import sys
from pathlib import Path

from gateway.ledger.ledger import Ledger
from gateway.store.sqlite import SqliteStore
from tests.ledger.orders import Story, fill

AT_MOST = 20_000


def main() -> None:
    """Reserve, and fill every third order in part; print the client id once the ledger has answered."""
    story = Story(Ledger.open(SqliteStore.open(Path(sys.argv[1]))))
    for number in range(AT_MOST):
        client_id = f"c{number}"
        story.reserve(client_id, "9", "3", giveaway="3.09", fair="2", fee_rate="0.01")
        print(client_id, flush=True)
        if number % 3 == 0:
            story.settle(fill(client_id, "1", "2.5", order_id=f"x{number}"))
            print(f"x{number}", flush=True)


if __name__ == "__main__":
    main()
