"""Runs one bot script in its client's environment and reads its lines."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clients import environments

BOTS = Path(__file__).parent / "bots"
STORY_SECONDS = 120


@dataclass(frozen=True)
class Step:
    """One step of the story: what came back, or the exception that flew and its bases by name."""

    name: str
    result: Any = None
    error: str = ""
    kinds: Sequence[str] = ()
    message: str = ""


def live(client: str, script: str, assignment: Mapping[str, Any], **environment: str) -> dict[str, Step]:
    """The bot's steps by name. Raises AssertionError if the script itself breaks."""
    done = subprocess.run(
        [environments.python(client), str(BOTS / f"{script}.py")],
        input=json.dumps(assignment),
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True, text=True, timeout=STORY_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{script} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    return {step["step"]: Step(step.pop("step"), **step) for step in steps}
