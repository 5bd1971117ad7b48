"""`demo`: the whole story in a minute. Real processes, real ccxt, a simulated exchange; no key and no network.

Law: every line that the story promises is checked as it is told, and one that is not so ends it with exit 1. All
of it lives in one temporary directory, every wait is bounded, and what was started is ended by its own id.
"""

import importlib.util
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from gateway.core.errors import Misuse


def play() -> None:
    """Tell it. Raises Misuse without ccxt, StoryBroken if anything did not go as told."""
    if importlib.util.find_spec("ccxt") is None:
        raise Misuse("the demo's bot is a real one and needs ccxt", "pip install 'tradewarden[demo]' brings it")
    from gateway.admin.demo.stage import Stage
    from gateway.admin.demo.story import tell

    began = time.monotonic()
    with ExitStack() as ending:
        place = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="tradewarden-demo-")))
        stage = Stage(place, ending)
        tell(stage)
    stage.line(f"told in {time.monotonic() - began:.0f} s; every process has ended and every file is gone", "dim")
