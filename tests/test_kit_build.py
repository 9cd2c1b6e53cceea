"""Student and instructor editions: what is in them, what must never be, and that nothing of others is overwritten."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from course_lib.errors import CourseError, OutputError
from course_lib.kit import build, ours
from course_lib.kit.cells import exercise_of, is_notes, notes_by_section, read, source
from course_lib.kit.editions import instructor_notebook, student_notebook
from course_lib.locations import PROJECT
from course_lib.parameters import NOTEBOOKS

ROOT = Path(__file__).resolve().parents[1]
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb"))


def code(text: str, *tags: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": "code", "id": "a", "metadata": {"tags": list(tags), "secret": 1}, "source": text,
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "42\n"}], "execution_count": 3} | more


def text(words: str, *tags: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": "b", "metadata": {"tags": list(tags)}, "source": words}


NOTE = "*If you teach this:* ask the room first."
PLANTED = {"cells": [text("# 80 · Book"), text("*If you teach this:* ask the room first.", "notes"), code("x = 1"), code("# exercise 80.1\nanswer = ...", "exercise"),
                     code("# solution 80.1\nanswer = sum"), code("answer = max", "solution")], "metadata": {"widgets": {}}, "nbformat": 4}


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return zipfile.ZipFile(build.student(tmp_path_factory.mktemp("kit")))


def texts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Every file that can be read as text."""
    found = {}
    for name in archive.namelist():
        try:
            found[name.partition("/")[2]] = archive.read(name).decode("utf-8")
        except UnicodeDecodeError:
            continue
    return found


def test_a_student_notebook_has_stubs_and_nothing_else_of_others() -> None:
    made = student_notebook(PLANTED)
    assert [cell["source"] for cell in made["cells"]] == ["# 80 · Book", "x = 1", "# exercise 80.1\nanswer = ..."]
    assert all(cell.get("outputs", []) == [] and cell.get("execution_count") is None for cell in made["cells"])
    assert "widgets" not in made["metadata"] and not any("secret" in cell["metadata"] for cell in made["cells"])
    assert PLANTED["cells"][2]["outputs"], "the source was changed"


def test_an_instructor_notebook_keeps_outputs_and_sets_notes_apart() -> None:
    made = instructor_notebook(PLANTED)
    assert len(made["cells"]) == 6 and made["cells"][2]["outputs"]
    assert made["cells"][1]["source"] == "> *If you teach this:* ask the room first."
    assert PLANTED["cells"][1]["source"] == NOTE and notes_by_section(PLANTED) == [("80 · Book", NOTE)]


def test_what_is_in_the_student_edition(student: zipfile.ZipFile) -> None:
    names = {name.partition("/")[2] for name in student.namelist()}
    assert all(name.startswith("course-student/") and ".." not in name for name in student.namelist())
    wanted = {"START.html", "wheels.txt", "pyproject.toml", "constraints.txt", "LICENSE", "edition.json", "notebooks/GLOSSARY.md",
              "course_lib/exercises/__init__.py", "data/medical_notes/train.jsonl", "data/finance_qa/train.json"}
    assert wanted | {f"notebooks/{name}.ipynb" for name in NOTEBOOKS} <= names
    assert not [n for n in names if re.search(r"solutions?/|^tests/|course_lib/kit|__pycache__|\.git/|^runs/|^work/|wrong_|right_", n)]


def test_student_notebooks_are_blank_and_whole(student: zipfile.ZipFile) -> None:
    stubs = 0
    for name in NOTEBOOKS:
        made, committed = json.loads(student.read(f"course-student/notebooks/{name}.ipynb")), read(name)
        own = [c["source"] for c in made["cells"]]
        assert len(own) == len(committed["cells"]) - sum(map(is_notes, committed["cells"]))
        changed = [(a, b) for a, b in zip(own, [source(c) for c in committed["cells"] if not is_notes(c)], strict=True) if a != b]
        assert len(changed) in range(1, 5) and all("START.html" in a or "Your instructor has the solutions." in a for a, _ in changed)
        assert not any("make setup" in text or "solutions/" in text for text in own), "neither is in the student edition"
        assert not any(c.get("outputs") or c.get("execution_count") for c in made["cells"])
        stubs += sum(exercise_of(cell) is not None for cell in made["cells"])
    assert stubs >= 24, "the exercises are missing"


def test_no_message_of_the_student_edition_advises_make(student: zipfile.ZipFile, tmp_path: Path) -> None:
    """It has no Makefile; what the package advises there must exist there."""
    student.extractall(tmp_path)
    root = tmp_path / "course-student"
    targets = "|".join(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    advice = re.compile(rf"\bmake ({targets})\b")
    for path in root.glob("course_lib/**/*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        told = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}  # docstrings are for those who read the code
        said = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in told]
        assert path.name == "locations.py" or not [text for text in said if advice.search(text)], path
    own = importlib.util.spec_from_file_location("own_locations", root / "course_lib" / "locations.py")
    assert own is not None and own.loader is not None
    module = importlib.util.module_from_spec(own)
    own.loader.exec_module(module)
    assert "make" not in module.SET_UP + module.LAB and module.SET_UP in (root / "START.html").read_text(encoding="utf-8")
    assert module.LAB in (root / "START.html").read_text(encoding="utf-8")


def distinctive(notebook: Path) -> tuple[list[list[str]], list[str]]:
    """Lines of each solution, and sentences of its explanations, that stand in no teaching notebook."""
    known = "\n".join(source(cell) for name in NOTEBOOKS for cell in read(name)["cells"])
    codes, sentences = [], []
    for cell in read(f"solutions/{notebook.stem}")["cells"]:
        lines = [line.strip() for line in source(cell).splitlines()]
        if cell["cell_type"] == "code":
            bare = [re.sub(r"^(return |\w+ = )", "", line) for line in lines]
            codes.append([line for line in bare if len(line) >= 16 and line not in known
                          and not line.startswith(("import ", "from ", "#", "def ", "print(", '"""'))])
        else:
            sentences += [line for line in lines if len(line) >= 40 and line not in known]
    return codes, sentences


@pytest.mark.parametrize("notebook", SOLUTIONS, ids=lambda path: path.stem)
def test_no_solution_text_is_in_the_student_edition(student: zipfile.ZipFile, notebook: Path) -> None:
    found, (codes, sentences) = texts(student), distinctive(notebook)
    assert sum(map(len, codes)) >= 8 and len(sentences) >= 5, "nothing to look for: the test is hollow"
    for name, content in found.items():
        assert not re.search(r"^\s*\"?# solution \d\d\.\d", content, re.MULTILINE), name
        plain = "\n".join(source(c) for c in json.loads(content)["cells"]) if name.endswith(".ipynb") else content
        assert not [s for s in sentences if s in plain], name
        there = [line for lines in codes for line in lines if line in plain]
        assert not there, (name, there)


def test_there_are_solutions_for_every_notebook() -> None:
    assert [path.stem for path in SOLUTIONS] == list(NOTEBOOKS)


def test_only_files_that_git_knows_go_to_students(tmp_path: Path) -> None:
    """Notes of a ward that lie in data/, or solutions beside the checks, are nobody's to give away."""
    for name in (*build.PLAIN, "course_lib/a.py", "data/notes.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    plain = {path.relative_to(tmp_path).as_posix() for path in build.student_files(tmp_path)}
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "add", "."], check=True)
    for name in ("course_lib/exercises_solved.py", "data/our_ward.jsonl", "data/.ipynb_checkpoints/a.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    assert {path.relative_to(tmp_path).as_posix() for path in build.student_files(tmp_path)} == plain > {"course_lib/a.py", "data/notes.jsonl"}


@pytest.mark.parametrize("place", ["data", "notebooks/kit", "."])
def test_nothing_is_built_among_the_files_of_the_checkout(place: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="expected a folder outside the checkout, or in its work/"):
        build.usable(tmp_path / place, tmp_path)
    assert build.usable(tmp_path / "work" / "kit", tmp_path) == tmp_path / "work" / "kit"


def test_the_same_checkout_gives_the_same_zip(student: zipfile.ZipFile, tmp_path: Path) -> None:
    again = build.student(tmp_path)
    assert again.read_bytes() == Path(str(student.filename)).read_bytes()
    assert build.student(tmp_path) == again, "an edition of our own is replaced"


def test_links_of_the_student_edition_lead_somewhere(student: zipfile.ZipFile) -> None:
    names, looked = set(student.namelist()), 0
    for name in NOTEBOOKS:
        for cell in json.loads(student.read(f"course-student/notebooks/{name}.ipynb"))["cells"]:
            for target in re.findall(r"\]\((?!https?:)([^)#\s]+)[^)]*\)", re.sub(r"`[^`\n]*`", "", cell["source"])) if cell["cell_type"] == "markdown" else ():
                looked += 1
                assert f"course-student/notebooks/{target}" in names, (name, target)
    assert looked >= 20
    page = student.read("course-student/START.html").decode()
    assert not re.search(r"(src|href)\s*=\s*['\"]?https?:|<script|url\(", page)


def test_the_packages_of_the_wheels_list_are_those_a_student_imports(student: zipfile.ZipFile) -> None:
    lines = [line for line in student.read("course-student/wheels.txt").decode().splitlines() if not line.startswith("#")]
    names = {line.split("==")[0] for line in lines}
    assert {"torch", "transformers", "jupyterlab", "ipywidgets", "fastjsonschema"} <= names and len(names) > 80
    assert not names & {"pytest", "mypy", "ruff", "hypothesis"} and not any("+" in line or "@" in line for line in lines)


def test_extras_are_followed_also_where_the_package_was_met_before(monkeypatch: pytest.MonkeyPatch) -> None:
    from course_lib.kit import wheels

    requires = {"plain": ["shared"], "fancy": ["shared[more]", "windows; sys_platform == 'nowhere'"],
                "shared": ["base", 'extra-one; extra == "more"', 'other; extra == "unasked"']}
    monkeypatch.setattr(wheels.metadata, "requires", lambda name: requires.get(name))
    for direct in (["plain", "fancy"], ["fancy", "plain"]):
        monkeypatch.setattr(wheels, "direct", lambda project, direct=direct: direct)
        assert wheels.needed() == ["base", "extra-one", "fancy", "plain", "shared"]


def test_the_package_of_a_student_works_alone(student: zipfile.ZipFile, tmp_path: Path) -> None:
    """Imported from the unpacked zip: data is found there, and a command that was left out says so politely."""
    student.extractall(tmp_path)
    home = tmp_path / "course-student"
    script = ("import course_lib; from course_lib.locations import data_folder; from course_lib.exercises.model import catalogue;"
              "print(course_lib.__file__, data_folder(), len(catalogue()))")
    done = subprocess.run([sys.executable, "-c", script], cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1500:]
    assert done.stdout.count(str(home)) == 2 and int(done.stdout.split()[-1]) >= 24
    done = subprocess.run([sys.executable, "-m", "course_lib", "build", "student"], cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr and "build" in done.stderr


def test_the_instructor_gets_everything(tmp_path: Path) -> None:
    archive = zipfile.ZipFile(build.instructor(tmp_path))
    names = {name.partition("/")[2] for name in archive.namelist()}
    for name in NOTEBOOKS:
        assert {f"notebooks/{name}.ipynb", f"read/{name}.html", f"slides/{name}.html", f"notebooks/solutions/{name}.ipynb"} <= names
    page = archive.read("course-instructor/START.html").decode()
    for words in ("Timetables", "Speaker notes", "Expected figures", "Common errors, and what to say", "hints, in order", "Half a day"):
        assert words in page, words
    for target in re.findall(r"href='([^'#]+)'", page):
        assert target in names, target
    assert "course-student.zip" in names and page.count("<img alt=") >= 10
    inner = zipfile.ZipFile(tmp_path / build.INSTRUCTOR / "course-student.zip")
    assert not [n for n in inner.namelist() if "solution" in n]


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / build.STUDENT
    mine.mkdir()
    (mine / "thesis.txt").write_text("ten years of work")
    with pytest.raises(OutputError, match="expected no course-student, or one that is as course build made it"):
        build.student(tmp_path)
    assert (mine / "thesis.txt").read_text() == "ten years of work" and [p.name for p in tmp_path.iterdir()] == [build.STUDENT]


@pytest.fixture
def built(student: zipfile.ZipFile, tmp_path: Path) -> Path:
    """A folder with a build as it was made: the zip, and the edition beside it."""
    shutil.copyfile(str(student.filename), tmp_path / f"{build.STUDENT}.zip")
    student.extractall(tmp_path)
    ours.free(tmp_path / build.STUDENT, tmp_path / f"{build.STUDENT}.zip")
    return tmp_path


def edit(folder: Path) -> None:
    book = folder / "notebooks" / "01_loss_math.ipynb"
    book.write_text(book.read_text() + " ")


@pytest.mark.parametrize("work", [
    edit, lambda folder: (folder / "work").mkdir(), lambda folder: (folder / "notes.txt").write_text("x"), lambda folder: (folder / "LICENSE").unlink(),
    lambda folder: (folder / "all my data").symlink_to(folder.parent), lambda folder: (folder / "lost").symlink_to("nowhere"),
], ids=["edited", "folder", "file", "removed", "link", "dead link"])
def test_a_copy_in_which_somebody_has_worked_is_left_alone(work: Callable[[Path], Any], built: Path) -> None:
    """The zip unpacks to the name that a build replaces: what was done there is more than a build."""
    work(built / build.STUDENT)
    before = {path: path.lstat().st_mtime_ns for path in built.rglob("*")}
    with pytest.raises(OutputError, match="expected no course-student, .* or one in which somebody has worked .new, changed or gone: .*. Move it away"):
        build.student(built)
    assert {path: path.lstat().st_mtime_ns for path in built.rglob("*")} == before


def test_what_is_saved_while_a_build_runs_is_left_alone(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(folder: Path, project: Path) -> None:
        (built / build.STUDENT / "mine.ipynb").write_text("ten years")

    monkeypatch.setattr(build, "fill_student", fill)
    with pytest.raises(OutputError, match=r"somebody has worked \(new, changed or gone: mine.ipynb\)"):
        build.student(built)
    assert (built / build.STUDENT / "mine.ipynb").read_text() == "ten years" and not list(built.glob(".*"))


def test_what_a_desktop_or_python_leaves_is_no_work(built: Path) -> None:
    (built / build.STUDENT / ".DS_Store").write_text("")
    (built / build.STUDENT / "course_lib" / "__pycache__").mkdir()
    (built / build.STUDENT / "course_lib" / "__pycache__" / "a.pyc").write_text("")
    assert build.student(built).is_file() and not (built / build.STUDENT / ".DS_Store").exists()


def zip_again(folder: Path) -> None:
    (folder / "notes.txt").write_text("ten years")
    shutil.make_archive(str(folder), "zip", folder.parent, folder.name)
    (folder / "notes.txt").unlink()


def zip_with_other_text(folder: Path) -> None:
    kept = (folder / "LICENSE").read_text()
    (folder / "LICENSE").write_text("ten years")
    build.packed(folder)
    (folder / "LICENSE").write_text(kept)


@pytest.mark.parametrize("change", [zip_again, zip_with_other_text])
def test_a_zip_made_of_a_copy_with_work_is_left_alone(change: Callable[[Path], None], built: Path) -> None:
    change(built / build.STUDENT)
    before = (built / f"{build.STUDENT}.zip").read_bytes()
    with pytest.raises(OutputError, match="expected no course-student.zip"):
        build.student(built)
    assert (built / f"{build.STUDENT}.zip").read_bytes() == before


def test_slides_do_not_go_among_the_files_of_the_course() -> None:
    with pytest.raises(OutputError, match="expected a folder outside the checkout"):
        build.deck(PROJECT / "data", "02_medical_ner")


def test_a_link_to_a_build_is_left_alone(built: Path) -> None:
    (built / build.STUDENT).rename(built / "elsewhere")
    (built / build.STUDENT).symlink_to(built / "elsewhere")
    with pytest.raises(OutputError, match="it is a link"):
        build.student(built)


def test_slides_that_somebody_has_edited_are_left_alone(tmp_path: Path) -> None:
    page = build.deck(tmp_path, "02_medical_ner")
    assert build.deck(tmp_path, "02_medical_ner") == page, "slides as they were made are replaced"
    page.write_text(page.read_text(encoding="utf-8").replace("<h1", "<h1 title='mine'", 1), encoding="utf-8")
    with pytest.raises(OutputError, match="expected no 02_medical_ner-slides.html"):
        build.deck(tmp_path, "02_medical_ner")
    assert "title='mine'" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["text", "folder", "link", "other zip", "pipe"])
def test_a_zip_or_page_of_somebody_else_is_left_alone(kind: str, tmp_path: Path) -> None:
    for name, make in ((f"{build.STUDENT}.zip", build.student), ("02_medical_ner-slides.html", lambda out: build.deck(out, "02_medical_ner"))):
        target = tmp_path / name
        if kind == "text":
            target.write_text("ten years")
        elif kind == "folder":
            target.mkdir()
        elif kind == "link":
            target.symlink_to(tmp_path / "nowhere")
        elif kind == "pipe":
            os.mkfifo(target)
        else:
            with zipfile.ZipFile(target, "w") as packed:
                packed.writestr("thesis.txt", "ten years")
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(OutputError, match=f"expected no {name}"):
            make(tmp_path)
        assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("arguments, words", [
    (["students"], "Did you mean 'student'?"),
    (["slides"], "expected the number of a notebook, found None"),
    (["slides", "07"], "expected one of 00, 01, 02, 03; found '07'"),
    (["student", "02"], "expected no notebook, all are taken, found '02'"),
])
def test_wrong_requests_say_what_to_type(arguments: list[str], words: str, tmp_path: Path) -> None:
    from course_lib.cli.commands.build import command

    with pytest.raises(CourseError, match=re.escape(words)):
        command(*arguments, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_notebook_is_named(tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "02_medical_ner.ipynb").write_text('{"cells": 3}')
    with pytest.raises(CourseError, match="02_medical_ner: expected a notebook at .*, found no list of cells"):
        read("02_medical_ner", tmp_path)
