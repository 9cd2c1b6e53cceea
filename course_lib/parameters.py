"""Notebook parameters: one table of names, types, limits, and values by profile.

papermill injects whatever it is given and only warns about unknown names, so
the cell after a notebook's parameters calls ``check``: a wrong name, type or
value stops the run before anything is computed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from course_lib.errors import ConfigError, one_of


@dataclass(frozen=True)
class Parameter:
    """One parameter. ``optional`` means ``None`` stands for the profile's value."""

    name: str
    kind: type
    default: Any
    help: str
    optional: bool = False
    choices: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    item: type = object


def _p(*args: Any, **kwargs: Any) -> tuple[str, Parameter]:
    return args[0], Parameter(*args, **kwargs)


COMMON = dict((
    _p("profile", str, "auto", "how much to run", choices=("auto", "smoke", "cpu", "gpu")),
    _p("seed", int, 0, "starting point of all random numbers; never moves a split", low=0, high=2**32 - 1),
    _p("output_dir", str, "", "run folder; empty for a fresh one under runs/"),
    _p("precision", str, "auto", "number format of matrix products", choices=("auto", "fp32", "bf16")),
    _p("threads", int, None, "CPU threads; None for one per core", optional=True, low=1, high=1024),
))
TRAINING = COMMON | dict((
    _p("corpus", str, "", "named corpus, or a file or folder of your own"),
    _p("stages", list, [], "corpora to train on before corpus, in order", item=str),
    _p("checkpoint", str, "minilm", "pretrained weights: a name or a folder"),
    _p("epochs", int, None, "passes over the training part", optional=True, low=1, high=1000),
    _p("learning_rate", float, None, "highest learning rate", optional=True, low=1e-8, high=1.0),
    _p("max_train_records", int, None, "use only the first so many training records", optional=True, low=1),
    _p("silver_records", int, None, "generated records added to training; 0 for none", optional=True, low=0, high=100_000),
    _p("seeds", list, [], "several seeds: metrics become means; empty for [seed]", item=int, low=0, high=2**32 - 1),
))
NOTEBOOKS: dict[str, dict[str, Parameter]] = {
    "00_environment_setup": COMMON | dict((_p("checkpoint", str, "minilm", "pretrained weights: a name or a folder"),)),
    "01_loss_math": COMMON,
    "02_medical_ner": TRAINING | dict((_p("corpus", str, "medical_notes", "named corpus, or a file or folder of your own"),)),
    "03_finance_qa": TRAINING | dict((_p("corpus", str, "finance_qa", "named corpus, or a file or folder of your own"),)),
}

PROFILES: dict[str, dict[str, dict[str, Any]]] = {
    "00_environment_setup": {p: {} for p in ("smoke", "cpu", "gpu")},
    "01_loss_math": {p: {} for p in ("smoke", "cpu", "gpu")},
    "02_medical_ner": {
        "smoke": {"epochs": 1, "learning_rate": 4e-4, "batch_size": 8, "max_train_records": 16, "silver_records": 16,
                  "max_eval_records": 8, "resamples": 200, "average": 0.9},
        "cpu": {"epochs": 5, "learning_rate": 5e-4, "batch_size": 8, "max_train_records": None, "silver_records": 300,
                "max_eval_records": None, "resamples": 2000, "average": 0.98},
        "gpu": {"epochs": 8, "learning_rate": 1e-4, "batch_size": 16, "max_train_records": None, "silver_records": 1000,
                "max_eval_records": None, "resamples": 2000, "average": 0.98},
    },
    "03_finance_qa": {
        "smoke": {"epochs": 1, "learning_rate": 3e-4, "batch_size": 8, "max_train_records": 16, "silver_records": 16,
                  "max_eval_records": 12, "resamples": 200, "window": 96, "overlap": 32, "silver_window": 80, "stage_epochs": 1,
                  "stage_learning_rate": 3e-4, "silver_learning_rate": 5e-4, "average": 0.9},
        "cpu": {"epochs": 2, "learning_rate": 3e-4, "batch_size": 8, "max_train_records": None, "silver_records": 2000,
                "max_eval_records": None, "resamples": 2000, "window": 96, "overlap": 32, "silver_window": 80, "stage_epochs": 2,
                "stage_learning_rate": 3e-4, "silver_learning_rate": 5e-4, "average": 0.0},
        "gpu": {"epochs": 4, "learning_rate": 5e-5, "batch_size": 16, "max_train_records": None, "silver_records": 4000,
                "max_eval_records": None, "resamples": 2000, "window": 96, "overlap": 32, "silver_window": 80, "stage_epochs": 2,
                "stage_learning_rate": 5e-5, "silver_learning_rate": 5e-4, "average": 0.0},
    },
}
"""Values by notebook and profile. ``average`` is the decay of the running average of the weights: on validation it
helped entity recognition, and not the short second stage of question answering on finance_qa."""

_ABSTRACTS = {"cpu": {"epochs": 4, "learning_rate": 3e-4, "batch_size": 16, "average": 0.995},
              "gpu": {"epochs": 4, "learning_rate": 1e-4, "batch_size": 16, "average": 0.995}}
_LONG = {"window": 256, "overlap": 64, "stage_epochs": 2, "average": 0.99}
_REPORTS = {"cpu": {"epochs": 4, "learning_rate": 2e-4, "stage_learning_rate": 3e-4, **_LONG},
            "gpu": {"epochs": 4, "learning_rate": 5e-5, "stage_learning_rate": 5e-5, **_LONG}}
CORPUS_SETTINGS: dict[str, dict[str, dict[str, dict[str, Any]]]] = {
    # bc5cdr takes the settings of ncbi_disease: both are PubMed abstracts. Nothing was chosen on bc5cdr.
    "02_medical_ner": {"ncbi_disease": _ABSTRACTS, "bc5cdr": _ABSTRACTS},
    "03_finance_qa": {"tatqa": _REPORTS, "tatqa_relevant": _REPORTS, "xquad": _REPORTS},
}
"""What differs from the profile for a named corpus; chosen on its validation part (``benchmarks/choose_settings.py``)."""


def check(notebook: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of ``notebook`` with defaults filled in, or raise ``ConfigError``.

    Names, types and limits are checked; whole numbers are accepted for floats.
    """
    if notebook not in NOTEBOOKS:
        raise ConfigError(one_of("notebook", notebook, list(NOTEBOOKS)))
    table = NOTEBOOKS[notebook]
    for name in values:
        if name not in table:
            raise ConfigError(f"notebook {notebook}: " + one_of("parameter", name, list(table)))
    return {name: _check_value(table[name], values.get(name, table[name].default)) for name in table}


def _check_value(parameter: Parameter, value: Any) -> Any:
    if value is None and parameter.optional:
        return None
    kind: Any = parameter.kind
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(_message(parameter, kind.__name__ + (" or None" if parameter.optional else ""), value))
    if kind is list and not all(isinstance(v, parameter.item) and not isinstance(v, bool) for v in value):
        raise ConfigError(_message(parameter, f"a list of {parameter.item.__name__}", value))
    if kind is list:
        value = list(value)  # nobody else's default
        if parameter.item is int and not all(parameter.low <= v <= parameter.high for v in value):
            raise ConfigError(_message(parameter, f"whole numbers from {parameter.low:g} to {parameter.high:g}", value))
    if parameter.choices and value not in parameter.choices:
        raise ConfigError(one_of(f"parameter {parameter.name}", value, list(parameter.choices)))
    if kind in (int, float) and not (parameter.low <= value <= parameter.high):
        raise ConfigError(_message(parameter, f"a value from {parameter.low:g} to {parameter.high:g}", value))
    return value


def _message(parameter: Parameter, expected: str, found: Any) -> str:
    return (
        f"parameter {parameter.name}: expected {expected}, found {found!r} ({type(found).__name__}). "
        f"It means: {parameter.help}. Correct it in the parameters cell or on the command line."
    )


def with_profile(notebook: str, profile: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Fill ``None`` values, and settings that are not parameters, from the profile's column and the corpus."""
    own = CORPUS_SETTINGS.get(notebook, {}).get(parameters.get("corpus", ""), {})
    column = PROFILES[notebook][profile] | own.get(profile, {})
    given = {name: value for name, value in parameters.items() if value is not None or name not in column}
    return dict(column) | given
