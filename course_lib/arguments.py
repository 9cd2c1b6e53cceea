"""Parameters as they are typed: ``-p name=value`` becomes a value of the declared type, or is refused.

A value is read by the type that ``course_lib.parameters`` declares for its
name, never guessed and never evaluated: what looks like code stays text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from course_lib.errors import ConfigError, one_of
from course_lib.parameters import COMMON, NOTEBOOKS, Parameter, check

_INT = re.compile(r"[+-]?\d+")


def parse_parameters(notebook: str, texts: Sequence[str]) -> dict[str, Any]:
    """Return the typed values of ``name=value`` texts; names, types and limits are checked."""
    table = parameters_of(notebook)
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals:
            raise ConfigError(f"parameter {text!r}: expected name=value, found no '='. Type for example: -p seed=7")
        if name in values:
            raise ConfigError(f"parameter {name}: expected once, found again with {value!r}. Keep one of the two.")
        if name not in table:
            raise ConfigError(f"notebook {notebook}: " + one_of("parameter", name, list(table)))
        values[name] = parse_value(table[name], value)
    check(notebook, values)
    return values


def parameters_of(notebook: str) -> dict[str, Parameter]:
    """Return the parameters of a notebook; an unknown notebook is a ``ConfigError`` with the nearest name."""
    if notebook not in NOTEBOOKS:
        raise ConfigError(one_of("notebook", notebook, list(NOTEBOOKS)))
    return NOTEBOOKS[notebook]


def parse_value(parameter: Parameter, text: str) -> Any:
    """Read a text as the parameter's type; ``none`` is no value where that is allowed."""
    plain = text.strip()
    if parameter.optional and plain.lower() == "none":
        return None
    if parameter.kind is str:
        return text
    if parameter.kind is int and _INT.fullmatch(plain) and len(plain) < 100:
        return int(plain)
    if parameter.kind is bool and plain in ("true", "false"):
        return plain == "true"
    if parameter.kind is list:
        return _parse_list(parameter, plain)
    if parameter.kind is float:
        try:
            return float(plain)
        except ValueError:
            pass
    raise _refusal(parameter, text)


def _parse_list(parameter: Parameter, text: str) -> list[Any]:
    """Read a list in brackets as YAML does, without its aliases and tags."""
    import yaml

    forbidden = (yaml.AliasToken, yaml.AnchorToken, yaml.TagToken)
    try:
        if not text.startswith("[") or text.count("[") > 20 or any(isinstance(token, forbidden) for token in yaml.scan(text)):
            raise _refusal(parameter, text)
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _refusal(parameter, text) from error
    if not isinstance(value, list):
        raise _refusal(parameter, text)
    return value


def _refusal(parameter: Parameter, text: str) -> ConfigError:
    forms = {int: "a whole number", float: "a number", bool: "true or false",
             list: "a list of " + ("whole numbers such as [1,2]" if parameter.item is int else "names such as [a,b]")}
    limits = "" if parameter.low == float("-inf") else f" from {parameter.low:.10g} to {parameter.high:.10g}"
    expected = forms[parameter.kind] + limits + (" or none" if parameter.optional else "")
    return ConfigError(
        f"parameter {parameter.name}: expected {expected}, found {text[:200]!r}. It means: {parameter.help}. Correct the value."
    )


def check_request(notebook: str, parameters: Mapping[str, Any], profile: str | None) -> dict[str, Any]:
    """Return the parameters of a request with its profile, checked one by one and in pairs; no default is filled in.

    Nothing heavy is imported for it; corpora and checkpoints are looked up by name, not read.
    """
    given = dict(parameters)
    if "output_dir" in given:
        raise ConfigError("parameter output_dir: expected none here, because every run gets a folder of its own; found "
                          f"{given['output_dir']!r}. Use --out to choose where run folders go.")
    if profile is not None:
        if given.get("profile", profile) != profile:
            raise ConfigError(f"profile: expected one, found {profile!r} and profile={given['profile']!r} among the parameters. "
                              "Keep one of the two.")
        given["profile"] = profile
    checked = check(notebook, given)
    check_pairs(checked)
    for name in dict.fromkeys([*filter(None, [given.get("corpus")]), *checked.get("stages", [])]):
        _check_corpus(notebook, name)
    if "checkpoint" in given:
        _check_checkpoint(given["checkpoint"])
    return given


def check_device(profile: str) -> None:
    """Refuse the profile gpu, asked for here or by COURSE_PROFILE, where there is no GPU. Imports torch only then.

    Not part of ``check_request``: a sweep is planned on one machine and executed on others.
    """
    if profile == "auto" and (given := os.environ.get("COURSE_PROFILE", "")):
        allowed = [choice for choice in COMMON["profile"].choices if choice != "auto"]
        if given not in allowed:
            raise ConfigError(one_of("environment variable COURSE_PROFILE", given, allowed))
        profile = given
    if profile == "gpu":
        from course_lib.machine import describe, plan_for

        plan_for(describe(), profile)


def check_pairs(settings: Mapping[str, Any]) -> None:
    """Refuse values that are sound alone and make no sense together."""
    seeds = list(settings.get("seeds") or [])
    if len(set(seeds)) != len(seeds):
        raise ConfigError(f"parameter seeds: expected different seeds, found {seeds}. Remove the repeated one.")
    seed = settings.get("seed", COMMON["seed"].default)
    if seeds and seed not in (*seeds, COMMON["seed"].default):
        raise ConfigError(f"parameters seed and seeds: expected seed to be left out or one of {seeds}, found seed {seed}, which "
                          "trains no model. Leave one of the two out.")


def _check_corpus(notebook: str, name: str) -> None:
    from course_lib.data.corpora import task_of

    default = NOTEBOOKS[notebook]["corpus"].default
    wanted, found = task_of(default) if default else "", task_of(name)
    if wanted and found != wanted:
        kinds = {"ner": "notes with entity spans", "qa": "questions"}
        raise ConfigError(f"notebook {notebook}, corpus {name!r}: expected {kinds[wanted]} as in {default!r}, found "
                          f"{kinds[found]}. Choose another corpus, or the other notebook.")


def _check_checkpoint(name: str) -> None:
    from course_lib.models.checkpoints import CHECKPOINTS

    if name not in CHECKPOINTS and not Path(name).expanduser().is_dir():
        raise ConfigError(one_of("parameter checkpoint", name, [*CHECKPOINTS, "a folder of your own"]))
