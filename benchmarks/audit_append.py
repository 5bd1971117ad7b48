"""How long the audit log takes: append with and without sync, at several lengths of the log, and verifying it.

    python benchmarks/audit_append.py [DIRECTORY]

The directory (default: a temporary one) should be on the disk that the home will be on. Prints numbers, asserts
nothing.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from nacl.signing import SigningKey

from gateway.audit.log import AuditLog
from gateway.audit.search import find
from gateway.audit.verify import verify
from gateway.ports import Need

KEY = SigningKey(b"\x07" * 32)
BODY: dict[str, Any] = {
    "type": "decision", "d": "01KDVC3SM00000000000000000", "verdict": "allow", "token": "grid", "account": "main",
    "generation": 3, "policy": "grid-spot", "digest": "5f" * 16, "call": "POST /api/v3/order", "reserve": "500.1 USDT",
    "intent": {"is": "place", "market_id": "BTCUSDT", "side": "buy", "kind": "limit", "quantity": "0.0077"},
    "order": {"is": "place", "market_id": "BTCUSDT", "side": "buy", "kind": "limit", "price": "64000"},
    "reference": {"price": "64012.5", "at": 1767225600000, "source": "binance"},
}


def sign(message: bytes) -> bytes:
    return KEY.sign(b"tradewarden audit checkpoint 1\0" + message).signature


def timed(count: int, act: Callable[[], object]) -> str:
    taken = []
    for _ in range(count):
        start = time.perf_counter_ns()
        act()
        taken.append((time.perf_counter_ns() - start) / 1000)
    return f"p50 {median(taken):8.1f} µs   p99 {quantiles(taken, n=100)[98]:8.1f} µs"


def appends(log: AuditLog, sync: bool) -> Callable[[], None]:
    return lambda: log.append(log.draft(BODY), sync)


def main(directory: Path) -> None:
    log = AuditLog(directory, lambda: time.time_ns() // 1_000_000, sign=sign)
    for length in (0, 10_000, 300_000):
        while log.next < length:
            log.append(log.draft(BODY), sync=False)
        log.tick()
        print(f"log of {log.next} records")
        print("  append, unsynced    ", timed(5000, appends(log, sync=False)))
        log.tick()
        print("  append, synced      ", timed(300, appends(log, sync=True)))
        print("  room                ", timed(5000, lambda: log.room(Need.ORDER)))
    log.checkpoint()
    log.close()
    size = sum(path.stat().st_size for path in directory.glob("*.jsonl")) / 1e6
    start = time.perf_counter()
    AuditLog(directory, lambda: time.time_ns() // 1_000_000).close()
    print(f"open {size:.0f} MB in {log_ms(start)}")
    start = time.perf_counter()
    report = verify(directory, KEY.verify_key.encode())
    print(f"verify {report.records} records in {log_ms(start)}; sound: {report.sound}")
    start = time.perf_counter()
    find(directory, "01KDVC3SM00000000000000001")
    print(f"find a decision, all segments read, in {log_ms(start)}")


def log_ms(start: float) -> str:
    return f"{(time.perf_counter() - start) * 1000:.1f} ms"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]) / "audit")
    else:
        with tempfile.TemporaryDirectory() as place:
            main(Path(place) / "audit")
