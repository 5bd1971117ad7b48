"""The Dockerfile by our own rules: pinned, a user of its own, nothing secret, no shell needed once it runs."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from typer.testing import CliRunner

from gateway.admin.cli import app
from tests.world.home import ROOT

FILE = ROOT / "deploy" / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """Each instruction and its arguments, continued lines joined."""
    text = re.sub(r"^#.*\n", "", FILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    split = (line.split(maxsplit=1) for line in text.splitlines() if line.strip())
    return [(word, " ".join(rest.split())) for word, rest in split]


def told(word: str) -> list[str]:
    return [rest for one, rest in instructions() if one == word]


def last_stage() -> list[tuple[str, str]]:
    begins = [index for index, (word, _) in enumerate(instructions()) if word == "FROM"]
    return instructions()[begins[-1] :]


def test_only_known_instructions() -> None:
    """ADD could fetch, SHELL and ONBUILD surprise."""
    known = "ARG FROM WORKDIR COPY RUN ENV USER VOLUME STOPSIGNAL HEALTHCHECK ENTRYPOINT CMD"
    assert {word for word, _ in instructions()} <= set(known.split())


def test_whatever_is_installed_is_pinned_by_hash() -> None:
    """pip takes hashes, or no index at all; nothing else brings software."""
    runs = " && ".join(told("RUN")).split(" && ")
    fetching = [run for run in runs if re.search(r"\bpip (install|wheel|download)\b", run)]
    assert len(fetching) == 4
    assert [run for run in fetching if not ("--require-hashes" in run or "--no-index" in run)] == []
    assert [run for run in runs if re.search(r"\b(curl|wget|apt|apt-get|git)\b", run)] == []


def test_only_named_files_go_in() -> None:
    """No COPY of everything: a home or a key that lies in the checkout stays outside; the ignore file agrees."""
    copied = [source for rest in told("COPY") if "--from" not in rest for source in rest.split()[:-1]]
    pinned = {"constraints/prices.txt", "constraints/build.txt"}
    assert set(copied) == pinned | {"pyproject.toml", "README.md", "LICENSE", "policies/", "gateway/"}
    ignored = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in ignored
    named = {line[1:] for line in ignored if line.startswith("!")}
    assert {source.split("/")[0] for source in copied} == named


def test_it_runs_as_a_user_of_its_own() -> None:
    """A number, so that `runAsNonRoot` can check it; nothing runs after it but the gateway."""
    stage = [word for word, _ in last_stage()]
    assert told("USER") == ["10001:10001"]
    assert "RUN" not in stage[stage.index("USER") :]


def test_no_secret_is_built_in() -> None:
    """No argument and no variable that could hold one."""
    assert re.findall(r"(?i)passphrase|password|secret|api_?key", " ".join(told("ENV") + told("ARG"))) == []


def test_no_shell_is_needed_to_run() -> None:
    """Entry point, command and health check are lists; the entry point with its command is a command of ours."""
    assert json.loads(told("ENTRYPOINT")[0]) == ["/opt/tradewarden/bin/tradewarden"]
    assert CliRunner().invoke(app, [*json.loads(told("CMD")[0]), "--help"]).exit_code == 0
    assert health_check()[:2] == ["/opt/tradewarden/bin/python", "-c"]


def test_the_home_is_a_volume() -> None:
    """Inside it, not itself, so that a restore has room beside it."""
    home = re.search(r"TRADEWARDEN_HOME=(\S+)", told("ENV")[0])
    assert home is not None
    assert home[1].startswith(told("VOLUME")[0] + "/")


def health_check() -> list[str]:
    words: list[str] = json.loads(told("HEALTHCHECK")[0].partition(" CMD ")[2])
    return words


@pytest.fixture(params=[200, 503])
def admin(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """An admin port that answers with one status: (port, status)."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(request.param if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, request.param
        server.shutdown()
        thread.join()


def test_the_health_check_tells_ready_from_not_ready(admin: tuple[int, int]) -> None:
    """Exit 0 on 200 only."""
    port, status = admin
    code = health_check()[2]
    assert "127.0.0.1:8379" in code
    done = subprocess.run(
        [sys.executable, "-c", code.replace("8379", str(port))], capture_output=True, timeout=30, check=False
    )
    assert (done.returncode == 0) is (status == 200)
