"""What the documents show is so: links lead somewhere, the policy loads, and no file names a machine or a registry."""

import re

import pytest

from gateway.policy.document import load
from tests.world.home import ROOT

DOCUMENTS = (
    "README.md", "ARCHITECTURE.md", "SECURITY.md", "CHANGELOG.md", "certs/README.md", "deploy/README.md",
    "docs/commands.md", "docs/bots.md", "docs/capture.md",
)  # fmt: skip
LINK = re.compile(r"\[[^\]]+\]\(([^)#]+)\)")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_to_files(document: str) -> None:
    """Links within the repository are not broken."""
    page = ROOT / document
    within = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    assert [link for link in within if not (page.parent / link).exists()] == []


def test_the_policy_in_the_readme_is_valid() -> None:
    """It loads in this version, without a warning."""
    shown = re.search(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert shown is not None
    assert load(shown[1].encode(), "readme").warnings == ()


def test_the_licence_is_the_whole_licence() -> None:
    """Apache-2.0, from its title to its appendix."""
    text = (ROOT / "LICENSE").read_text()
    assert text.count("\n") == 202
    assert "Version 2.0, January 2004" in text
    assert text.rstrip().endswith("limitations under the License.")


@pytest.mark.parametrize("document", [*DOCUMENTS, "Makefile", ".ci/run", "deploy/Dockerfile"])
def test_no_machine_path_and_no_registry_host(document: str) -> None:
    """The project speaks of itself alone."""
    assert re.findall(r"/root/|/work/|py[p]i\.|python[h]osted|docker\.io|ghcr\.io", (ROOT / document).read_text()) == []
