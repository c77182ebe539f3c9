"""N-9: statements are composed in one module, of templates and checked names, and nowhere else."""

import ast
import re
from pathlib import Path

import pytest

from foundation.records import Kind, Where
from foundation.records.schema import Table, _fill, parameters_of, pragma, shape_of

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("foundation", "admin", "transcripts", "bot_runtime", "handoff", "config")
SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE (TABLE|INDEX)|ALTER TABLE|PRAGMA|DROP|ATTACH)\b")
COMPOSER = ROOT / "foundation/records/schema.py"


def composed(tree: ast.AST) -> list[int]:
    """Lines where text with SQL in it is put together: f-string, +, %, format, join, replace."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            texts = [part.value for part in node.values if isinstance(part, ast.Constant)]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
            texts = [one.value for one in (node.left, node.right) if isinstance(one, ast.Constant)]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr not in {"format", "join", "replace", "format_map"}:
                continue
            whole = [node.func.value, *node.args]
            texts = [one.value for part in whole for one in ast.walk(part) if isinstance(one, ast.Constant)]
        else:
            continue
        if any(isinstance(text, str) and SQL.search(text) for text in texts):
            found.append(node.lineno)
    return found


def test_N_9_no_statement_is_put_together_outside_of_the_composer() -> None:
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py") if file != COMPOSER]
    found = {str(file.relative_to(ROOT)): composed(ast.parse(file.read_text("utf-8"))) for file in files}
    assert {file: lines for file, lines in found.items() if lines} == {}


def test_N_9_the_rule_finds_what_it_looks_for() -> None:
    for bad in (
        "f'SELECT * FROM {table}'",
        "'SELECT * FROM ' + table",
        "'DELETE FROM t WHERE id = %s' % id",
        "'PRAGMA {}'.format(name)",
        "' '.join(['UPDATE', name])",
    ):
        assert composed(ast.parse(bad)) == [1]
    assert composed(ast.parse("db.execute('SELECT 1 FROM t WHERE id = ?', (id,))")) == []


HOSTILE = ["a; DROP TABLE x", "a b", "a-b", "A", "", "1a", "a'", 'a"', "a)", "ä", "a\n", "a" * 90, "[a]"]


@pytest.mark.parametrize("name", HOSTILE, ids=repr)
def test_N_9_only_names_are_put_into_a_statement(name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        _fill("SELECT {c} FROM t", c=name)
    with pytest.raises(ValueError, match="not a name"):
        _fill("SELECT {c} FROM t", c=["fine", name])
    with pytest.raises(ValueError, match="not a name"):
        pragma(name, 1)


@pytest.mark.parametrize("name", HOSTILE, ids=repr)
def test_N_9_a_kind_cannot_have_such_a_name(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name"):
        Kind(name)
    with pytest.raises(ValueError, match="cannot name"):
        Kind("kind", fields=(name,))


def test_N_9_no_value_is_part_of_a_statement() -> None:
    table = Table(Kind("item", fields=("colour", "size")))
    hostile = "' OR 1=1 --"
    where = [
        Where("colour", "=", hostile),
        Where("colour", "<", hostile),
        Where("size", ">=", 4242),
        Where("colour", "in", (hostile, None, 4242)),
        Where("account", "=", hostile),
    ]
    shapes = tuple(shape_of(one) for one in where)
    statements = [table.count(shapes), table.get, table.insert, table.replace, table.delete, table.upsert(3)]
    for start in ("top", "none", "some"):
        for descending in (False, True):
            statements += [segment.sql for segment in table.find(shapes, "colour", descending, start)]
    assert not [text for text in statements if "OR 1=1" in text or "4242" in text]
    assert table.count(shapes).count("?") == len(parameters_of(where)) == 6
