"""README and data cards: their tables are computed, their links and commands exist."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.data import load_notes, load_questions
from course_lib.data.statistics import notes_card, questions_card
from course_lib.files import sha256_of
from course_lib.publish import MARKS, with_table

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [path for path in [*ROOT.glob("*.md"), *ROOT.glob("data/**/*.md"), *ROOT.glob("notebooks/*.md")]]


def test_readme_table_is_the_one_of_the_summary() -> None:
    summary = json.loads((ROOT / "notebooks/summary.json").read_text(encoding="utf-8"))
    assert with_table(README, summary) == README, "type: python -m course_lib.publish --readme"
    assert {entry["status"] for entry in summary["notebooks"]} == {"ok"} and len(summary["notebooks"]) == 4


def test_a_stale_table_is_noticed() -> None:
    summary = json.loads((ROOT / "notebooks/summary.json").read_text(encoding="utf-8"))
    for entry in summary["notebooks"]:
        entry["seconds"] += 600
    assert with_table(README, summary) != README and MARKS[0] in README


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_point_to_files(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith(("http:", "https:")):
            assert (page.parent / target).exists(), target


def test_make_targets_in_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"\bmake ([a-z-]+)", README)) - {"and", "is", "it"}
    assert {"report", "test", "lab"} <= targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets), targets


def test_two_commands_come_first() -> None:
    block = re.search(r"```\n(.*?)```", README, re.DOTALL)
    assert block and re.findall(r"^make (\w+)", block.group(1), re.MULTILINE) == ["report", "test"]


def test_the_readme_example_runs_as_written(tmp_path: Path) -> None:
    """The 15 lines for your own data, on a file made here, with one epoch."""
    from course_lib.data.formats.jsonl import write_notes

    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert code and len([line for line in code.group(1).splitlines() if line.strip()]) <= 16
    write_notes(tmp_path / "my_notes.jsonl", load_notes("medical_notes").test[:24])
    script = code.group(1).replace("epochs=6", "epochs=1")
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.search(r"Prf\(.*\) \d\.\d+ \[", done.stdout), done.stdout


def test_cards_show_the_corpus_as_it_is() -> None:
    for name, table in (("medical_notes", notes_card(load_notes("medical_notes"))),
                        ("finance_qa", questions_card(load_questions("finance_qa")))):
        card = (ROOT / "data" / name / "README.md").read_text(encoding="utf-8")
        assert f"<!-- statistics -->\n{table}\n<!-- end of statistics -->" in card, table
        assert "synthetic" in card and "CC BY 4.0" in card and re.search(r"Not for (clinical|investment) use", card)


def test_checksums_cover_every_part() -> None:
    lines = (ROOT / "data/CHECKSUMS.sha256").read_text().splitlines()
    listed = {name: digest for digest, name in (line.split() for line in lines)}
    assert len(listed) == 7
    for name, digest in listed.items():
        assert sha256_of(ROOT / "data" / name) == digest, name


def test_spelling() -> None:
    files = subprocess.run(["git", "ls-files", "*.py", "*.md", "*.toml"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    assert len(files) > 20
    # Names of drugs, people and deliberate misspellings in tests are not prose.
    words = "trainng,nd,fpr,ans,te,ot,ser,statin,mater,som,parin,faile,nwo,befor"
    done = subprocess.run([sys.executable, "-m", "codespell_lib", "-L", words, *files], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
