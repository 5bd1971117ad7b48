"""The private directory of a capture: the addon, its plan, the certificate in force. It goes when the capture goes."""

import json
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

ADDON: Final = Path(__file__).with_name("addon.py")


class Place:
    """Use as a context manager. The addon is copied, so that an upgrade under a running capture changes nothing."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="tradewarden-capture-", ignore_cleanup_errors=True)
        self.path = Path(self._directory.name)
        self._leaves = 0

    def furnish(self, plan: dict[str, Any]) -> None:
        """Put the addon and its plan there."""
        self._write("addon.py", ADDON.read_text())
        self._write("plan.json", json.dumps(plan))

    def put_leaf(self, pem: str) -> Path:
        """Put a certificate with its key there; the one before stays until the next, for it may be in use."""
        self._leaves += 1
        return self._write(f"leaf-{self._leaves % 2}.pem", pem)

    def _write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._directory.cleanup()
