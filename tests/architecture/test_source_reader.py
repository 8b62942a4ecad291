"""The architecture tests can fail: their reader finds what it should."""

from tests.architecture.source import code_tokens, words


def strings_of(tmp_path, text):
    path = tmp_path / "module.py"
    path.write_text(text)
    return [token.string for token in code_tokens(path)]


def test_docstrings_and_comments_are_prose(tmp_path):
    text = '"""A live one."""\n# live\n\ndef f() -> None:\n    """Also live."""\n'
    assert not any("live" in token for token in strings_of(tmp_path, text))


def test_strings_and_names_are_code(tmp_path):
    tokens = strings_of(tmp_path, 'is_live = "paper"\n')
    assert tokens == ["is_live", '"paper"']


def test_words_are_found_inside_names():
    assert "live" in words("isLiveOrder")
    assert "live" in words("is_live_order")
    assert "live" not in words("delivery")
