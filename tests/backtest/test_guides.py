"""What the guides show can be typed as it stands."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class
from typer.main import get_command

from backtest.distributed.spec import parse_spec

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGES = ("guides/backtests.md", "guides/sweeps.md", "reference/sweep.md", "operations/replaying.md")
COMMANDS = [
    (page, line)
    for page in PAGES
    for block in re.findall(r"```\n(.*?)```", (DOCS / page).read_text(), re.S)
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("./run manage ")
]


def test_the_example_of_a_study_is_accepted():
    text = (DOCS / "guides/sweeps.md").read_text()
    [document] = re.findall(r"-d '(\{.*?\})'", text, re.S)
    spec = parse_spec(json.loads(document))
    assert spec.count("ema") == 9


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_every_option_that_is_shown_exists(page, line):
    name, *given = shlex.split(line.partition(" #")[0].removeprefix("./run manage "))
    loaded: Any = load_command_class(get_commands()[name], name)
    command = get_command(loaded.typer_app)
    known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    assert {option.partition("=")[0] for option in given if option.startswith("--")} <= known
