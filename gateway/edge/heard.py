"""llhttp as the codec uses it: what it says it read, written down to be held against our own reading."""

from gateway.edge.grammar import Header


class Heard:
    """What llhttp says it read: its callbacks, written down. What comes after the message's end adds to no body."""

    __slots__ = ("begun", "body", "complete", "headers", "target")

    def __init__(self) -> None:
        self.begun = self.complete = 0
        self.target = b""
        self.headers: list[Header] = []
        self.body: list[bytes] = []

    def on_message_begin(self) -> None:
        self.begun += 1

    def on_url(self, target: bytes) -> None:
        self.target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value.strip(b" \t")))

    def on_body(self, piece: bytes) -> None:
        if not self.complete:
            self.body.append(piece)

    def on_message_complete(self) -> None:
        self.complete += 1
