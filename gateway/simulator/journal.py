"""What arrived at the exchange, request by request: the witness that tests ask. Bounded; numbers never repeat."""

import asyncio
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from .messages import Request

LENGTH = 100_000
KEPT_HEADERS = ("host", "x-mbx-apikey", "content-type", "content-length", "user-agent", "x-mbx-time-unit", "x-mbx-sbe")


@dataclass(slots=True)
class Entry:
    """One request. `outcome` is pending, answered, dropped, garbled, truncated or malformed."""

    number: int
    time: int
    method: str
    path: str
    query: str
    body: str
    headers: dict[str, str]
    peer: str
    authenticated: bool = False
    account: str | None = None
    executed: bool = False
    status: int | None = None
    code: int | None = None
    fault: str | None = None
    outcome: str = "pending"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Journal:
    """The last requests, and a way to wait for more. `last` is the number of the newest, 0 before the first."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=LENGTH)
        self.last = 0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def arrived(self, request: Request, now: int) -> Entry:
        """Writes down a request before anything is done with it."""
        self.last += 1
        entry = Entry(
            self.last, now, request.method, request.path, request.query, request.body.decode("latin-1"),
            {name: request.headers[name] for name in KEPT_HEADERS if name in request.headers}, request.peer,
        )  # fmt: skip
        self._entries.append(entry)
        if self._waiting:
            self._wake()
        return entry

    def since(self, number: int = 0) -> list[Entry]:
        """Everything after that number."""
        if number <= 0 or not self._entries:
            return list(self._entries)
        skipped = max(0, number + 1 - self._entries[0].number)
        return [entry for entry in list(self._entries)[skipped:] if entry.number > number]

    def clear(self) -> None:
        """Forgets all entries; numbering goes on."""
        self._entries.clear()

    async def reaches(self, number: int, seconds: float) -> bool:
        """Waits until an entry of that number has arrived; False when the time is over."""
        if self.last >= number:
            return True
        arrival = asyncio.get_running_loop().create_future()
        self._waiting.append((number, arrival))
        try:
            await asyncio.wait_for(arrival, seconds)
        except TimeoutError:
            return False
        finally:
            self._waiting = [one for one in self._waiting if one[1] is not arrival]
        return True

    def _wake(self) -> None:
        for number, arrival in self._waiting:
            if number <= self.last and not arrival.done():
                arrival.set_result(None)
