"""Companion package of the course: datasets, models, training, evaluation, reporting.

Data flows one way: records -> features -> model -> predictions -> scores ->
report. Import what you need from the modules; nothing heavy happens here.
"""

__version__ = "0.1.0"
