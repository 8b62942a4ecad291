"""There is one way to another state: no other code of the product writes it."""

import ast

from tests.architecture.source import modules, name_of

ONE_WAY = "discovery/lifecycle/steps.py"
WRITERS = ("update", "create", "get_or_create", "update_or_create")


def writes_of(tree: ast.AST) -> list[int]:
    """Lines that set `state` of a DiscoveredRule: as an attribute of what is called a rule, or by its manager."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found += [node.lineno for target in targets if _is_rules_state(target)]
        if isinstance(node, ast.Call) and "DiscoveredRule" in ast.unparse(node.func):
            name = ast.unparse(node.func)
            writes = name == "DiscoveredRule" or name.rsplit(".", 1)[-1] in WRITERS
            if writes and any(each.arg == "state" for each in node.keywords):
                found.append(node.lineno)
    return found


def _is_rules_state(target: ast.expr) -> bool:
    return isinstance(target, ast.Attribute) and target.attr == "state" and "rule" in ast.unparse(target.value).lower()


def test_only_one_module_writes_the_state_of_a_rule():
    texts = {name_of(path): path.read_text() for path in modules("discovery", "dashboard")}
    found = {name for name, text in texts.items() if "state" in text and writes_of(ast.parse(text))}
    assert found == {ONE_WAY}


def test_only_packages_above_discovery_know_its_rules():
    below = [path for path in modules() if name_of(path).split("/")[0] not in ("discovery", "dashboard", "fortified")]
    assert not [name_of(path) for path in below if "DiscoveredRule" in path.read_text()]


def test_such_writes_are_found():
    text = """
rule.state = "live"
DiscoveredRule.objects.filter(pk=1).update(state="live")
DiscoveredRule.objects.create(state="live")
DiscoveredRule(state="live")
"""
    assert writes_of(ast.parse(text)) == [2, 3, 4, 5]
