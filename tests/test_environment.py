"""pyproject.toml, constraints.txt and environment.yml tell one truth."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def constraints() -> dict[str, str]:
    lines = [line.split("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines()]
    pairs = [line.split("==") for line in lines if line]
    assert len(pairs) > 80, "the lock should list every package, also indirect ones"
    return {canonicalize_name(name): version for name, version in pairs}


def project_requirements() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [Requirement(text) for text in [*project["dependencies"], *project["optional-dependencies"]["test"]]]


def test_constraints_have_no_local_versions_urls_or_paths() -> None:
    text = (ROOT / "constraints.txt").read_text()
    for line in filter(None, (line.split("#")[0].strip() for line in text.splitlines())):
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", line), f"not a plain pin: {line}"


def test_project_pins_equal_constraints(constraints: dict[str, str]) -> None:
    requirements = project_requirements()
    assert len(requirements) >= 25
    for requirement in requirements:
        assert str(requirement.specifier) == f"=={constraints[canonicalize_name(requirement.name)]}", requirement.name


def test_every_dependency_says_why() -> None:
    block = re.search(r"\ndependencies = \[(.*?)\n\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL)
    assert block
    lines = [line for line in block.group(1).splitlines() if line.strip()]
    assert len(lines) >= 15
    assert all(re.search(r"#\s+\S+", line) for line in lines)


def test_installed_versions_are_the_pinned_ones(constraints: dict[str, str]) -> None:
    from importlib.metadata import version

    for requirement in project_requirements():
        found = version(requirement.name).split("+")[0]
        assert found == constraints[canonicalize_name(requirement.name)], f"{requirement.name}: type make setup"


def test_conda_file_parses_and_defers_to_the_constraints() -> None:
    from rattler import MatchSpec

    spec = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert set(spec) <= {"name", "channels", "dependencies"}
    conda = [item for item in spec["dependencies"] if isinstance(item, str)]
    (pip,) = [item["pip"] for item in spec["dependencies"] if isinstance(item, dict)]
    parsed = {MatchSpec(item).name.normalized: MatchSpec(item) for item in conda}
    assert set(parsed) == {"python", "pip"}
    python = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert str(parsed["python"].version).startswith("3.11") and python == ">=3.11"
    assert pip == ["-c constraints.txt", "-e .[test]"]


def test_make_help_explains_each_command() -> None:
    text = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for command in ("setup", "report", "test", "lab", "lab-reset"):
        assert re.search(rf"make {command}\s+\w", text), command
    for word in ("GB", "memory", "disk"):
        assert word in text
