"""Is everything in place? Facts, decisions, repairs, and a page. ``course doctor`` shows them.

``facts`` looks, ``machine_checks`` and ``setup_checks`` decide (pure functions),
``fixes`` mends what is safe to mend. Nothing heavy is imported before it is
looked at, so the doctor speaks also where torch is missing.
"""
