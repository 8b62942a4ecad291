"""Turns a step function into straight-line statements, so that appending and scanning share its very text."""

import ast
import builtins
import inspect
import math
import textwrap
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

from engine.indicators.recurrence import Indicator

BUILTINS = ("abs", "min", "max", "range", "len", "float", "int")
STATEMENTS = (
    ast.Assign, ast.AugAssign, ast.AnnAssign, ast.If, ast.For, ast.While, ast.Pass, ast.Break, ast.Continue, ast.Return
)  # fmt: skip


class NotInlinable(Exception):
    """The step uses something outside the subset that can be inlined and compiled; the message says what and where."""


class Inlined(NamedTuple):
    """A step as statements. `fields` and `outputs` map state fields and outputs to their variables."""

    statements: list[ast.stmt]
    fields: dict[str, str]
    outputs: dict[str, str]


def inline(
    indicator: Indicator, *, prefix: str, inputs: Mapping[str, ast.expr], params: Mapping[str, ast.expr]
) -> Inlined:
    """The step's statements, with every variable named `prefix_…` and arguments replaced by expressions.

    A parameter given as a string constant specialises: comparisons with it are decided here and the dead branch is
    dropped. Raises `NotInlinable` where the step goes beyond plain arithmetic, branches and loops.
    """
    function = _function(indicator.step)
    state = function.args.args[0].arg if indicator.is_recurrence else ""
    rename = _Rename(indicator, function, state, prefix, {**inputs, **params})
    body = [rename.statement(text) for text in _texts(indicator.step)]
    targets = indicator.state_type._fields if indicator.is_recurrence else indicator.outputs
    names = {field: f"{prefix}_{field}" for field in targets}
    returns = _Returns(indicator, names, state)
    statements = returns.block(_pruned(body))
    return Inlined(statements, names if indicator.is_recurrence else {}, {o: names[o] for o in indicator.outputs})


def problem(indicator: Indicator) -> str | None:
    """Why the step cannot be inlined and compiled, or None."""
    try:
        choices: dict[str, ast.expr] = {p.name: ast.Constant(p.default) for p in indicator.params}
        inputs: dict[str, ast.expr] = {name: ast.Name(name) for name in indicator.input_names}
        inline(indicator, prefix="x", inputs=inputs, params=choices)
    except NotInlinable as reason:
        return str(reason)
    return None


@cache
def _function(step: Callable[..., Any]) -> ast.FunctionDef:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(step)))
    except (OSError, TypeError, SyntaxError) as error:
        raise NotInlinable(f"the source of {step.__qualname__} cannot be read") from error
    if len(tree.body) != 1 or not isinstance(tree.body[0], ast.FunctionDef):
        raise NotInlinable(f"{step.__qualname__} is not a plain function")
    return tree.body[0]


@cache
def _texts(step: Callable[..., Any]) -> tuple[str, ...]:
    """The statements without the docstring, as text that is parsed for each use, because names are changed in it."""
    first, *rest = body = _function(step).body
    has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return tuple(ast.unparse(statement) for statement in (rest if has_docstring else body))


class _Rename(ast.NodeTransformer):
    """Names become variables of their own; parameters and module constants become what they stand for."""

    def __init__(
        self, indicator: Indicator, function: ast.FunctionDef, state: str, prefix: str, given: dict[str, ast.expr]
    ) -> None:
        self.step = indicator.step
        self.state = state
        self.fields = indicator.state_type._fields if indicator.is_recurrence else ()
        self.prefix = prefix
        self.given = given
        stored = (n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
        self.locals = set(stored)
        for name in self.locals & {*given, state}:
            raise NotInlinable(f"{self.step.__name__} assigns to its argument {name!r}")
        if self.step.__closure__:
            raise NotInlinable(f"{self.step.__name__} closes over {', '.join(self.step.__code__.co_freevars)}")

    def statement(self, text: str) -> ast.stmt:
        renamed: ast.stmt = self.visit(ast.parse(text).body[0])
        return renamed

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.stmt) and not isinstance(node, STATEMENTS):
            raise NotInlinable(f"{self.step.__name__} has a {type(node).__name__} statement: {ast.unparse(node)}")
        if isinstance(node, ast.Lambda | ast.ListComp | ast.GeneratorExp | ast.Starred | ast.Await | ast.Dict):
            raise NotInlinable(f"{self.step.__name__} has a {type(node).__name__}: {ast.unparse(node)}")
        return super().generic_visit(node)

    def visit_Return(self, node: ast.Return) -> ast.Return:
        if isinstance(node.value, ast.Call) and not self._is_allowed(node.value.func):
            node.value.args = [self.visit(arg) for arg in node.value.args]
            for keyword in node.value.keywords:
                keyword.value = self.visit(keyword.value)
        elif not (isinstance(node.value, ast.Name) and node.value.id == self.state) and node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        match node.value:
            case ast.Name(id=name) if name == self.state and node.attr in self.fields:
                return ast.Name(f"{self.prefix}_{node.attr}", node.ctx)
            case ast.Name(id=name) if self.step.__globals__.get(name) is math:
                return ast.Attribute(ast.Name("math", ast.Load()), node.attr, ast.Load())
        raise NotInlinable(f"{self.step.__name__} reads {ast.unparse(node)}")

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if not self._is_allowed(node.func) or node.keywords:
            raise NotInlinable(f"{self.step.__name__} calls {ast.unparse(node.func)}")
        node.args = [self.visit(arg) for arg in node.args]
        if isinstance(node.func, ast.Name) and node.func.id not in BUILTINS:
            node.func = ast.Attribute(ast.Name("math", ast.Load()), node.func.id, ast.Load())
        return node

    def _is_allowed(self, function: ast.expr) -> bool:
        match function:
            case ast.Name(id=name):
                found = self.step.__globals__.get(name, getattr(builtins, name, None))
                return (name in BUILTINS and found is getattr(builtins, name)) or (
                    found is not None and found is getattr(math, name, None)
                )
            case ast.Attribute(value=ast.Name(id=name)):
                return self.step.__globals__.get(name) is math
        return False

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self.given:
            return self.given[node.id]
        if node.id in self.locals:
            return ast.Name(f"{self.prefix}__{node.id}", node.ctx)
        value = self.step.__globals__.get(node.id)
        if isinstance(value, float) and not math.isfinite(value):
            text = "math.nan" if math.isnan(value) else ("math.inf" if value > 0 else "-math.inf")
            return ast.parse(text, mode="eval").body
        if isinstance(value, int | float | str):
            return ast.Constant(value)
        raise NotInlinable(f"{self.step.__name__} uses {node.id!r}")


def _pruned(body: list[ast.stmt]) -> list[ast.stmt]:
    """Branches that hang on a string parameter are decided."""
    out: list[ast.stmt] = []
    for node in body:
        if isinstance(node, ast.If):
            decided = _decide(node.test)
            if decided is not None:
                out += _pruned(node.body if decided else node.orelse)
                continue
            node.body = _pruned(node.body) or [ast.Pass()]
            node.orelse = _pruned(node.orelse)
        out.append(node)
    return out


def _decide(test: ast.expr) -> bool | None:
    match test:
        case ast.Compare(left=ast.Constant(value=str(a)), ops=[op], comparators=[ast.Constant(value=str(b))]):
            return a == b if isinstance(op, ast.Eq) else a != b
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            decided = _decide(inner)
            return None if decided is None else not decided
        case ast.BoolOp(op=op, values=values):
            parts = [_decide(value) for value in values]
            absorbing = isinstance(op, ast.Or)
            if absorbing in parts:
                return absorbing
            test.values = [value for value, part in zip(values, parts, strict=True) if part is None]
            return (not absorbing) if not test.values else None
    return None


class _Returns:
    """Returns become assignments: what follows a branch that returns moves into its `else`."""

    def __init__(self, indicator: Indicator, names: dict[str, str], state: str) -> None:
        self.indicator = indicator
        self.names = names
        self.state = state

    def block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for i, node in enumerate(body):
            rest = body[i + 1 :]
            if isinstance(node, ast.Return):
                return out + self._assignments(node.value)
            if isinstance(node, ast.For | ast.While) and _has_return(node):
                raise NotInlinable(f"{self.indicator.step.__name__} returns inside a loop")
            if isinstance(node, ast.If) and _has_return(node):
                then = self.block([*node.body, *rest]) or [ast.Pass()]
                return [*out, ast.If(node.test, then, self.block([*node.orelse, *rest]))]
            out.append(node)
        raise NotInlinable(f"{self.indicator.step.__name__} ends without a return")

    def _assignments(self, value: ast.expr | None) -> list[ast.stmt]:
        if isinstance(value, ast.Name) and value.id == self.state:
            return [ast.Pass()]
        returned = self._returned(value)
        pending = {self.names[field]: expr for field, expr in returned.items()}
        return _sequential({k: e for k, e in pending.items() if not (isinstance(e, ast.Name) and e.id == k)})

    def _returned(self, value: ast.expr | None) -> dict[str, ast.expr]:
        fields = list(self.names)
        match value:
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords) if len(args) + len(keywords) == len(
                fields
            ) and self._makes_all(name, fields):
                return dict(zip(fields, args, strict=False)) | {str(k.arg): k.value for k in keywords}
            case ast.Call(func=ast.Attribute(attr="_replace"), args=[], keywords=keywords):
                return {str(k.arg): k.value for k in keywords}
            case ast.expr() if not self.indicator.is_recurrence and len(fields) == 1:
                return {fields[0]: value}
        shown = ast.unparse(value) if value else "nothing"
        raise NotInlinable(f"{self.indicator.step.__name__} returns {shown}, not its whole state or value")

    def _makes_all(self, name: str, fields: list[str]) -> bool:
        made = self.indicator.step.__globals__.get(name)
        return list(getattr(made, "_fields", ())) == fields


def _has_return(node: ast.AST) -> bool:
    return any(isinstance(child, ast.Return) for child in ast.walk(node))


def _sequential(pending: dict[str, ast.expr]) -> list[ast.stmt]:
    """Simultaneous assignments one after another, each after all others have read the old value of its target."""
    out: list[ast.stmt] = []
    reads = {target: {n.id for n in ast.walk(expr) if isinstance(n, ast.Name)} for target, expr in pending.items()}
    while pending:
        free = [t for t in pending if not any(t in reads[other] for other in pending if other != t)]
        if not free:  # they read each other: all at once
            targets = [ast.Name(t, ast.Store()) for t in pending]
            both = ast.Tuple([*targets], ast.Store())
            return [*out, ast.Assign([both], ast.Tuple([*pending.values()], ast.Load()), lineno=0)]
        for target in free:
            out.append(ast.Assign([ast.Name(target, ast.Store())], pending.pop(target), lineno=0))
    return out or [ast.Pass()]
