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
PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True)
class Step:
    """One step of the story: what came back, or the exception that flew and its bases by name."""

    name: str
    result: Any = None
    error: str = ""
    kinds: Sequence[str] = ()
    message: str = ""


def live(
    client: str, script: str, assignment: Mapping[str, Any], under: Sequence[str] = (), **environment: str
) -> dict[str, Step]:
    """The bot's steps by name; ``under`` is a command that starts it. Raises AssertionError if the script breaks."""
    command, own = _command(client, script)
    done = subprocess.run(
        [*under, *command],
        input=json.dumps(assignment),
        env={"PATH": PATH, "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1", **own, **environment},
        capture_output=True, text=True, timeout=STORY_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{script} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    return {step["step"]: Step(step.pop("step"), **step) for step in steps}


def _command(client: str, script: str) -> tuple[list[str], dict[str, str]]:
    """How the script is run, and what its environment needs."""
    if client == "node":
        return ["node", str(BOTS / f"{script}.js")], {"NODE_PATH": str(environments.node_modules())}
    return [str(environments.python(client)), str(BOTS / f"{script}.py")], {}
