"""The package itself: style, types, small rooms, documented doors."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import course_lib

FOLDER = Path(course_lib.__file__).parent
MODULES = sorted(FOLDER.rglob("*.py"))
TREES = {path.relative_to(FOLDER).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def run(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=FOLDER.parent, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_there_is_something_to_check():
    assert len(TREES) >= 40 and {"training/loop.py", "data/labels.py", "evaluation/qa.py"} <= set(TREES)


def test_ruff():
    run("ruff", "check", "--no-cache", "course_lib", "benchmarks", "tests")


def test_mypy_strict():
    run("mypy", "--strict", "--cache-dir", str(FOLDER.parent / ".mypy_cache"))


@pytest.mark.parametrize("name", TREES)
def test_module_has_a_docstring_and_is_small(name):
    assert ast.get_docstring(TREES[name]), f"{name}: no docstring"
    lines = len((FOLDER / name).read_text(encoding="utf-8").splitlines())
    assert lines <= 260, f"{name}: {lines} lines"


@pytest.mark.parametrize("name", TREES)
def test_functions_are_short(name):
    long = {node.name: node.end_lineno - node.lineno + 1 for node in ast.walk(TREES[name]) if isinstance(node, FUNCTION)}
    assert not {f: n for f, n in long.items() if n > 60}, f"{name}: functions over 60 lines"


@pytest.mark.parametrize("name", TREES)
def test_public_functions_and_classes_are_documented(name):
    bare = [node.name for node in TREES[name].body
            if isinstance(node, (*FUNCTION, ast.ClassDef)) and not node.name.startswith("_") and not ast.get_docstring(node)]
    assert not bare, f"{name}: no docstring for {bare}"


@pytest.mark.parametrize("name", TREES)
def test_public_arguments_are_typed(name):
    for node in ast.walk(TREES[name]):
        if isinstance(node, FUNCTION):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            bare = [a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")]
            assert not bare and node.returns is not None, f"{name}: {node.name} lacks types for {bare or 'its result'}"


def test_every_function_is_called_somewhere():
    """Delete what nothing calls: each name is used in the package, the notebooks, the tests or the tools."""
    project = FOLDER.parent
    if len(list(project.glob("notebooks/*.ipynb"))) < 4:
        pytest.skip("the notebooks, which use much of the package, are not all there yet")
    files = [*MODULES, *project.glob("notebooks/*.ipynb"), *project.glob("tests/*.py"), *project.glob("tools/*.py"), *project.glob("data/**/*.py")]
    text = "\n".join(p.read_text(encoding="utf-8") for p in files)
    unused = [f"{name}: {node.name}" for name, tree in TREES.items() for node in tree.body
              if isinstance(node, (*FUNCTION, ast.ClassDef)) and text.count(node.name) < 2
              and "@exercise" not in [f"@{getattr(d, 'func', d).id}" for d in node.decorator_list if isinstance(getattr(d, "func", d), ast.Name)]]
    assert not unused


def test_ignore_index_has_one_home():
    """The checks of exercises may write the number: they hand it to functions of learners, who see it so."""
    homes = [name for name, tree in TREES.items() if not name.startswith("exercises/checks_") for node in ast.walk(tree)
             if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant) and node.operand.value == 100]
    assert homes == ["data/labels.py"]


def test_data_flows_one_way():
    """data knows nothing of training; evaluation takes predictions, not models; nothing imports a notebook."""
    forbidden = {"data": ("training", "models", "tasks", "evaluation", "reporting", "runs", "report"),
                 "evaluation": ("training", "models", "tasks", "reporting", "runs"), "training": ("tasks", "reporting", "runs")}
    checked = 0
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("course_lib."):
                checked += 1
                part = node.module.split(".")[1]
                assert part not in forbidden.get(name.split("/")[0], ()), f"{name} imports {node.module}"
    assert checked > 80


def test_errors_are_the_packages_own():
    """No bare assert and no other exception for user input; what is raised is a CourseError or AttributeError."""
    kinds: set[str] = set()
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            assert not isinstance(node, ast.Assert), f"{name}: bare assert in line {node.lineno}"
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
                # Hooks of the json module raise what it raises itself; lines.py turns both into a DataError.
                kinds |= {node.exc.func.id} - ({"ValueError"} if name in ("data/formats/lines.py", "manifest.py") else set())
    assert kinds <= {"DataError", "CheckpointError", "ConfigError", "TrainingError", "OutputError", "AttributeError", "SystemExit",
                     "RunLostError", "ExerciseError", "NotYet", "explain_load_failure", "_cannot_write", "_no_cache", "_odd", "_refusal", "_wrong"}, kinds
