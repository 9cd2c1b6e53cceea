"""The workshop kit: student and instructor editions, slides, a room without a network, timetables.

Everything is made from the notebooks of the checkout when it is asked for; no
edition is kept in the repository. The student edition leaves this package out.
"""
