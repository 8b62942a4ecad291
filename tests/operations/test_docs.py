"""Documentation and configuration files: links resolve, features have evidence, files parse."""

import json
import re
from functools import cache
from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command

from infra.management.commands import features
from infra.processes import services
from tests.architecture.source import tracked

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\((?!https?://|mailto:)([^)\s]+)")
PAGES = sorted(path for path in tracked() if path.suffix == ".md")
SPEC = ROOT.parent / "shared" / "spec" / "features.md"
# Made by a script from a running system, by whoever changes the page.
MADE_LATER = {ROOT / "docs/images/live-page.png"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_somewhere(page):
    assert [link for link in LINK.findall(page.read_text()) if not leads_somewhere(page, link)] == []


def leads_somewhere(page: Path, link: str) -> bool:
    """To a file, and in a page of ours to a heading."""
    path, _, heading = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if target in MADE_LATER:
        return True
    return target.exists() and (not heading or target.suffix != ".md" or heading in headings(target))


@cache
def headings(page: Path) -> set[str]:
    """As links name them: lower case, with dashes, without signs."""
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.strip().lower()).replace(" ", "-") for each in found}


def test_the_feature_page_is_what_the_list_says():
    call_command("features", "--check", stdout=StringIO())


def listed():
    return list(features.every(features.load((ROOT / "docs" / "features.toml").read_text())))


@pytest.mark.skipif(not SPEC.exists(), reason="the specification is not beside this checkout")
def test_the_list_has_every_feature_of_the_specification_and_no_other():
    wanted = re.findall(r"^\| ([A-Z]+-\d\d) ", SPEC.read_text(), re.MULTILINE)
    assert sorted(name for name, _ in listed()) == sorted(wanted)


def test_evidence_exists():
    missing = [f"{name}: {item}" for name, feature in listed() for item in feature.evidence if not is_there(item)]
    assert not missing


def is_there(item: str) -> bool:
    """A command of ours, or a test, or a file of tests."""
    if item.startswith(("./run ", "bash .ci/run", "docker compose ")):
        return True
    path, _, test = item.partition("::")
    file = ROOT / path
    return file.exists() and (not test or f"def {test.split('[')[0]}(" in file.read_text())


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('XX-1 = { text = "some text", state = "missing" }', "an id such as BRK-01"),
        ('AB-01 = { text = "some text", state = "works" }', "without evidence"),
        ('AB-01 = { text = "some text", state = "missing", evidence = ["./run test"] }', "said to be missing"),
    ],
)
def test_a_careless_entry_is_refused(line, complaint):
    with pytest.raises(CommandError, match=complaint):
        features.load(f"[Group]\n{line}\n")


@pytest.mark.parametrize("name", ["renovate.json", ".vscode/launch.json"])
def test_a_json_file_parses(name):
    assert json.loads((ROOT / name).read_text())


@pytest.mark.parametrize("name", [".github/workflows/ci.yml", ".pre-commit-config.yaml"])
def test_a_yaml_file_parses(name):
    assert yaml.safe_load((ROOT / name).read_text())


def test_continuous_integration_runs_what_a_developer_runs():
    assert "./run test" in (ROOT / ".ci" / "run").read_text()
    assert "bash .ci/run" in (ROOT / ".github" / "workflows" / "ci.yml").read_text()


def test_every_service_can_be_launched_singly_from_the_editor():
    configurations = json.loads((ROOT / ".vscode" / "launch.json").read_text())["configurations"]
    launched = {queue for entry in configurations for argument in entry["args"] for queue in argument.split(",")}
    assert {queue for service in services.product(host="", port=1) for queue in service.queues} <= launched


def test_the_architecture_page_lists_every_process():
    page = (ROOT / "docs" / "architecture.md").read_text()
    for service in services.product(host="", port=1):
        assert f"| `{service.name}` |" in page
