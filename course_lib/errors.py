"""The one family of errors a learner meets.

Every message has three parts: what was expected, what was found (value, file,
line), and what to do next. Code that cannot say all three should not raise.
"""


class CourseError(Exception):
    """Base of every error this package raises on purpose."""


class DataError(CourseError):
    """A corpus, a record or a feature is not what it should be."""


class CheckpointError(CourseError):
    """Pretrained weights are missing, damaged, or do not fit the task."""


class ConfigError(CourseError):
    """A parameter, a profile or a combination of settings makes no sense."""


class TrainingError(CourseError):
    """Training cannot go on, for example because the loss is not a number."""


class OutputError(CourseError):
    """A result cannot be written where it was asked for."""


def one_of(name: str, found: object, allowed: list[str]) -> str:
    """Return a sentence for an unknown name, with the nearest allowed one.

    >>> one_of("profile", "cpo", ["cpu", "gpu"])
    "profile: expected one of cpu, gpu; found 'cpo'. Did you mean 'cpu'?"
    """
    import difflib

    near = difflib.get_close_matches(str(found), allowed, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else " Choose one of these names."
    return f"{name}: expected one of {', '.join(allowed)}; found {found!r}.{hint}"
