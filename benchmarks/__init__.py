"""Speed, memory and scores of the course's training loop, beside what people use today.

``python -m benchmarks`` measures and writes ``results.json`` and ``RESULTS.md``;
``python -m benchmarks --render`` writes the page again from the numbers.
"""
