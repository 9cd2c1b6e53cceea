"""Compare runs from what they left: parameters, metrics, saved predictions, histories. Nothing is executed.

``comparison.compare.compare`` reads and tests, ``comparison.page`` and
``comparison.table`` write; nothing heavy is imported here.
"""
