"""Rules of the source that no linter knows."""

import ast
import re

import pytest

from tests.architecture.source import ROOT, code_tokens, modules, name_of, tracked, words

FORBIDDEN_IN_THE_ENGINE = {"live", "paper", "replay", "backtest"}
KEYS = ROOT / "infra" / "redis" / "keys.py"
MOST_LINES = 400
# Written in two parts, or this file would find itself.
MACHINE_PATHS = re.compile(r"(?<![\w.~-])/(?:wor" + r"k|roo" + r"t|far" + r"m)/|bash_" + r"jobs")


@pytest.mark.parametrize("package", ["engine", "strategies"])
def test_no_name_and_no_string_tells_what_the_engine_is_plugged_into(package):
    found = [
        f"{name_of(path)}:{token.start[0]}: {token.string}"
        for path in modules(package)
        for token in code_tokens(path)
        if words(token.string) & FORBIDDEN_IN_THE_ENGINE
    ]
    assert not found, "\n".join(found)


def test_redis_keys_are_spelled_in_one_module_only():
    prefixes = sorted(set(re.findall(r'f"([a-z_]+):', KEYS.read_text())))
    assert "bars_stream" in prefixes, "the test no longer finds the keys"
    spelled = rf"""["']({"|".join(prefixes)}):(?!\s)"""
    literal = re.compile(rf"""^[rbfuRBFU]*["']*{spelled}""")
    found = [
        f"{name_of(path)}:{token.start[0]}: {token.string}"
        for path in modules()
        if path != KEYS and re.search(spelled, path.read_text())  # few, and tokens take their time
        for token in code_tokens(path)
        if literal.match(token.string)
    ]
    assert not found, "\n".join(found)


def test_only_the_settings_read_the_process_environment():
    """The entry points may name the settings module: that is what every Django project does before it can read them."""
    naming_the_settings = re.compile(r'os\.environ\.setdefault\("DJANGO_SETTINGS_MODULE", "fortified\.settings"\)')
    reading = re.compile(r"\bos\.(environ|getenv|putenv)\b|\bfrom os import .*environ")
    found = [
        name_of(path)
        for path in (*modules(), ROOT / "manage.py", ROOT / "celery_app.py")
        if not name_of(path).startswith("fortified/settings/")
        and reading.search(naming_the_settings.sub("", path.read_text()))
    ]
    assert not found


def test_asynchronous_code_asks_the_database_on_connections_that_are_looked_after():
    """`in_database`, and Channels' wrapper in consumers, replace a connection that the server ended; the thread behind
    plain `sync_to_async` keeps it for as long as the process lives."""
    plain = re.compile(r"(?<!\w)sync_to_async\(|\bawait [\w.]+\.a(get|first|create|save|count|exists|update|delete)\(")
    found = [name_of(path) for path in modules() if plain.search(path.read_text())]
    assert found == ["infra/orm.py"]


def test_every_module_begins_by_saying_what_it_is_for():
    found = [
        name_of(path)
        for path in modules()
        if (text := path.read_text()).strip() and not ast.get_docstring(ast.parse(text, filename=name_of(path)))
    ]
    assert not found


def test_no_module_grows_past_what_a_reader_can_hold():
    found = {name_of(path): lines for path in modules() if (lines := path.read_text().count("\n")) > MOST_LINES}
    assert not found


def test_no_file_names_a_path_of_a_developers_machine():
    found = []
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # an image
        found += [f"{name_of(path)}: {line.strip()[:100]}" for line in text.splitlines() if MACHINE_PATHS.search(line)]
    assert not found, "\n".join(found)


def test_no_market_data_and_no_database_is_committed():
    unwanted = {".parquet", ".csv", ".zst", ".sqlite3", ".rdb", ".aof", ".db"}
    assert not [name_of(path) for path in tracked() if path.suffix in unwanted]
