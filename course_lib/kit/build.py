"""``course build``: the student and the instructor edition, each a folder and one zip of it.

Nothing in the checkout is changed. The same checkout gives the same zip, byte
for byte.
"""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template

from course_lib import catalogue
from course_lib.errors import OutputError
from course_lib.files import write_folder, write_json, write_text
from course_lib.kit import ours
from course_lib.kit.cells import read
from course_lib.kit.editions import instructor_notebook, student_notebook
from course_lib.kit.guide import guide
from course_lib.kit.page import page, table
from course_lib.kit.slides import slides
from course_lib.kit.wheels import wheels_list
from course_lib.locations import PROJECT, shown
from course_lib.parameters import NOTEBOOKS
from course_lib.reporting.export import markdown_to_html, notebook_to_html

STUDENT, INSTRUCTOR = "course-student", "course-instructor"
PAGES = Path(__file__).resolve().parent / "pages"
PLAIN = ("LICENSE", "pyproject.toml", "constraints.txt", "environment.yml", "notebooks/GLOSSARY.md")
SOURCES = ("course_lib", "data")
LEFT_OUT = ("course_lib/kit/", "course_lib/cli/commands/build.py", "course_lib/cli/commands/room.py")
"""What a student has no use for, or should not read."""
_DATE = (2026, 1, 1, 0, 0, 0)


def usable(out: Path, project: Path = PROJECT) -> Path:
    """Return ``out`` unless it lies among the files of the checkout, where it would look like a part of the course."""
    inside = out.resolve().is_relative_to(project.resolve())
    if inside and not out.resolve().is_relative_to((project / "work").resolve()):
        raise OutputError(f"output: expected a folder outside the checkout, or in its work/, found {shown(out)}. "
                          "Choose another --out; nothing was changed.")
    return out


@contextmanager
def _edition(out: Path, edition: str, project: Path) -> Iterator[Path]:
    """Give a draft that becomes ``out/edition``, unless that or its zip holds anything but a build, before or after."""
    folder = usable(out, project) / edition
    places = folder, folder.with_name(folder.name + ".zip")
    ours.free(*places)
    with write_folder(folder) as draft:
        yield draft
        ours.free(*places)  # somebody may have saved a file meanwhile


def student(out: Path, project: Path = PROJECT) -> Path:
    """Write ``out/course-student`` and its zip; return the zip."""
    with _edition(out, STUDENT, project) as draft:
        fill_student(draft, project)
    return packed(out / STUDENT)


def instructor(out: Path, project: Path = PROJECT) -> Path:
    """Write ``out/course-instructor`` and its zip, which holds the student's zip too; return the zip."""
    with _edition(out, INSTRUCTOR, project) as draft:
        _notebooks(draft, project, with_solutions=True)
        for name in NOTEBOOKS:
            write_text(draft / "slides" / f"{name}.html", slides(read(name, project), catalogue.title_of(name, project)))
        write_text(draft / "START.html", guide(project))
        fill_student(draft / STUDENT, project)
        packed(draft / STUDENT)
        shutil.rmtree(draft / STUDENT)
        _mark(draft, "instructor")
    return packed(out / INSTRUCTOR)


def deck(out: Path, name: str, project: Path = PROJECT) -> Path:
    """Write the slides of one notebook; return the page."""
    target = usable(out, project) / f"{name}-slides.html"
    ours.free(target)
    return write_text(target, ours.stamped(slides(read(name, project), catalogue.title_of(name, project))))


def fill_student(folder: Path, project: Path = PROJECT) -> None:
    """Put the student edition into a folder: notebooks, package, data, wheels list, start page."""
    for source in student_files(project):
        target = folder / source.relative_to(project)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    for name in NOTEBOOKS:
        write_json(folder / "notebooks" / f"{name}.ipynb", student_notebook(read(name, project)))
    write_text(folder / "wheels.txt", wheels_list(project))
    write_text(folder / "START.html", start_page(project))
    _mark(folder, "student")


def student_files(project: Path = PROJECT) -> Iterator[Path]:
    """Yield the files that go to students as they are; no link is followed, no cache taken along.

    In a git checkout only files that git knows: a ward's own notes in ``data/`` or somebody's solutions stay where they are.
    """
    yield from (project / name for name in PLAIN)
    for path in _known_files(project):
        name = path.relative_to(project).as_posix()
        hidden = any(part.startswith((".", "__pycache__")) for part in path.relative_to(project).parts)
        if path.is_file() and not path.is_symlink() and not hidden and not name.startswith(LEFT_OUT):
            yield path


def _known_files(project: Path) -> list[Path]:
    if not (project / ".git").exists():
        return sorted(path for top in SOURCES for path in (project / top).rglob("*"))
    try:
        call = ["git", "-C", str(project), "ls-files", "-z", "--", *SOURCES]
        done = subprocess.run(call, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise OutputError(f"student edition: expected git to list the files of this checkout, found {type(error).__name__}. "
                          "Install git, or work on an unpacked copy without .git.") from error
    return sorted(project / name for name in done.stdout.split("\0") if name)


def start_page(project: Path = PROJECT) -> str:
    """Return the page a student opens first."""
    times = catalogue.measured(project)
    rows = []
    for name in NOTEBOOKS:
        minutes = catalogue.minutes_of(name, times).get("cpu")
        rows.append([name, catalogue.title_of(name, project), "not measured" if minutes is None else f"{minutes:.1f}"])
    books = table(["notebook", "what it is about", "minutes"], rows, f"The notebooks; minutes {times.where}", numbers=(2,))
    text = Template((PAGES / "start.md").read_text(encoding="utf-8"))
    return page("Start here", markdown_to_html(text.substitute()).replace("<p>NOTEBOOKS</p>", books))


def _notebooks(folder: Path, project: Path, *, with_solutions: bool) -> None:
    """Write the instructor's notebooks, and as pages to read; solutions where the checkout has them."""
    from nbformat import from_dict

    for name in NOTEBOOKS:
        made = instructor_notebook(read(name, project))
        write_json(folder / "notebooks" / f"{name}.ipynb", made)
        text = notebook_to_html(from_dict(made), name, "../notebooks/GLOSSARY.md")
        write_text(folder / "read" / f"{name}.html", text)
        solved = project / "notebooks" / "solutions" / f"{name}.ipynb"
        if with_solutions and solved.is_file():
            solution = read(f"solutions/{name}", project)
            write_json(folder / "notebooks" / "solutions" / f"{name}.ipynb", solution)
            write_text(folder / "read" / f"solutions-{name}.html", notebook_to_html(from_dict(solution), f"{name}: solutions"))
    shutil.copyfile(project / "notebooks" / "GLOSSARY.md", folder / "notebooks" / "GLOSSARY.md")


def _mark(folder: Path, edition: str) -> None:
    from course_lib import __version__

    ours.mark(folder, {"schema": 1, "edition": edition, "version": __version__})


def packed(folder: Path) -> Path:
    """Zip a folder beside itself, under its own name, with sorted names and one fixed date; return the zip."""
    target = folder.with_name(folder.name + ".zip")
    draft = target.with_name(f".{target.name}-draft")
    try:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                entry = zipfile.ZipInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}", _DATE)
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o100644 << 16
                archive.writestr(entry, path.read_bytes())
        draft.replace(target)
    except OSError as error:
        raise OutputError(f"output {target.name}: expected a folder that can be written to, with free space, found "
                          f"{error.strerror or error}. Choose another --out or free some space.") from error
    finally:
        draft.unlink(missing_ok=True)
    return target
