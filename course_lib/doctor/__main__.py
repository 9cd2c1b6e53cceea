"""``python -m course_lib.doctor``: the doctor without the packages that ``course`` needs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from course_lib.doctor.visit import visit
from course_lib.errors import CourseError


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 0 if nothing will fail, 1 if something will, 2 if the request was refused."""
    parser = argparse.ArgumentParser(prog="python -m course_lib.doctor", description=main.__doc__)
    parser.add_argument("--fix", action="store_true", help="mend what can be mended safely")
    parser.add_argument("--yes", action="store_true", help="with --fix: install packages without asking")
    parser.add_argument("--json", action="store_true", dest="as_data", help="print JSON")
    try:
        return visit(**vars(parser.parse_args(arguments)))
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
