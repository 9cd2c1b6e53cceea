# %% [markdown]
# # Solutions to the exercises of notebook 03
#
# Each cell runs alone and ends in the same check as the exercise. There are other right answers: a check looks at what a function
# does and not at how. Look here after your own attempt; the reasons are worth more than the code.
#
# ## 03.1 · F1 by hand
#
# A `Counter` knows how often a word stands in a text, and `&` keeps the smaller number. The empty text needs a rule of its own, before
# anything is divided: it agrees with another empty text and with nothing else.

# %%
# solution 03.1
from collections import Counter

from course_lib.evaluation.qa import normalize_answer
from course_lib.exercises import check


def my_f1(predicted, references):
    """Return the F1 of shared words, between 0 and 1, with the best of the references."""
    own, scores = normalize_answer(predicted).split(), []
    for reference in references or [""]:
        gold = normalize_answer(reference).split()
        if not own or not gold:
            scores.append(float(own == gold))
        else:
            shared = sum((Counter(own) & Counter(gold)).values())
            scores.append(2 * shared / (len(own) + len(gold)))
    return max(scores)


check("03.1", my_f1)

# %% [markdown]
# Notice `references or [""]`: a question without an answer becomes a question whose answer is the empty text, and one rule serves both.
#
# ## 03.2 · Search the pair
#
# Two separate argmaxes answer two separate questions. The pair is one question: which start and end, *together*, score best among
# those that are possible at all? For some hundred pieces, trying all of them is cheap.

# %%
# solution 03.2
from course_lib.exercises import check


def best_pair(starts, ends, inside, longest):
    """Return (first, last); all three lists have one entry per piece, `inside` is True in the passage."""
    pairs = [(first, last) for first in range(len(starts)) for last in range(first, min(first + longest, len(ends)))
             if inside[first] and inside[last]]
    return max(pairs, key=lambda pair: starts[pair[0]] + ends[pair[1]])


check("03.2", best_pair)

# %% [markdown]
# Notice `first + longest` in `range`, which leaves its end out: the last piece allowed is `first + longest - 1`.
#
# ## 03.3 · From pieces back to the text
#
# Pieces are counted with the last one included, characters with the end left out. So take the start of the first piece and the end of
# the last, and cut once.

# %%
# solution 03.3
from course_lib.exercises import check


def cut_out(passage, offsets, first, last):
    """Return the text from piece `first` to piece `last`, both included."""
    return passage[offsets[first][0] : offsets[last][1]]


check("03.3", cut_out)

# %% [markdown]
# Notice that blanks and line breaks inside the answer come along by themselves, exactly as the passage has them.
#
# ## 03.4 · What a window is taught
#
# First ask whether the window sees the whole answer, from its first character to its last. Only then look for the pieces that touch
# it. In the other order, an answer cut off at the edge still touches some pieces, and the window would be taught half of it.

# %%
# solution 03.4
from course_lib.exercises import check


def answer_pieces(offsets, start, end):
    """Return the pieces of the answer in this window, or (0, 0)."""
    seen = [i for i, place in enumerate(offsets) if place is not None]
    if start < offsets[seen[0]][0] or offsets[seen[-1]][1] < end:
        return 0, 0
    touched = [i for i in seen if offsets[i][0] < end and start < offsets[i][1]]
    return touched[0], touched[-1]


check("03.4", answer_pieces)

# %% [markdown]
# Notice that position 0 is `[CLS]`, which is never part of an answer, and so can stand for "not in here".
#
# ## 03.5 · The other £12 million
#
# `str.find` does not know the question, so it cannot know which of two equal figures is meant. The old mark does, even if it is a few
# characters off.

# %%
# solution 03.5
from course_lib.exercises import check


def place(passage, answer, marked):
    """Return where the answer begins; `marked` is nearly right."""
    places = [i for i in range(len(passage)) if passage.startswith(answer, i)]
    return min(places, key=lambda i: abs(i - marked), default=-1)


check("03.5", place)

# %% [markdown]
# Notice that `min` returns the first of equal ones, here the earlier place. And count how often you return -1: those answers are not in
# their passage, and nobody should lose them silently.
#
# ## 03.6 · One window has a veto
#
# In a long passage nearly every window rightly says "not in here", some of them loudly. The largest null score listens to the loudest.
# "No answer" is a statement about *all* windows, so the least convinced one decides: the minimum.

# %%
# solution 03.6
from course_lib.exercises import check


def answer(windows, threshold):
    """Return the text of the best span over all windows, or an empty text."""
    text, best, _ = max(windows, key=lambda window: window[1])
    null = min(window[2] for window in windows)
    return "" if null - best > threshold else text


check("03.6", answer)

# %% [markdown]
# Notice how small the repair is and how large its effect on long passages. With one window per passage, no test would ever have shown it.
#
# ## 03.7 · Where to draw the line
#
# Between two neighbouring margins nothing changes, so trying each margin once is enough, and one value below them all for the case that
# silence is best everywhere. Nothing of the test questions is asked for, and so nothing of them can leak.

# %%
# solution 03.7
from course_lib.exercises import check


def choose(margins, scores, answerable):
    """Return the threshold that is best on these validation questions."""

    def total(threshold):
        silence = [margin > threshold for margin in margins]
        return sum((not has) if quiet else score for quiet, score, has in zip(silence, scores, answerable, strict=True))

    return max([min(margins) - 1, *margins], key=total)


check("03.7", choose)

# %% [markdown]
# Notice that the best threshold sits exactly on a margin here. `course_lib` takes the middle between two margins, which is less
# surprised by new questions.
#
# ## 03.8 · Numbers as numbers
#
# Reading and judging are two functions. The first turns a text into an amount and a unit; the second compares. Half a point for the
# right figure in the wrong unit is a choice, and somebody who trades in two currencies would choose 0.

# %%
# solution 03.8
import re

from course_lib.evaluation.qa import answer_f1
from course_lib.exercises import check

SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9}
AMOUNT = re.compile(r"([-(]?)([£$€]?)(\d[\d,]*\.?\d*)\s*(thousand|million|billion|bn|k|m)?\b\s*(%|per cent)?")


def read(text):
    """Return (amount, unit) of the first number, or None."""
    found = AMOUNT.search(text)
    if not found:
        return None
    sign, currency, digits, scale, percent = found.groups()
    amount = float(digits.replace(",", "")) * SCALES.get(scale, 1) * (-1 if sign else 1)
    return amount, currency or ("%" if percent else "")


def number_score(own, gold):
    """Return how right the text `own` is, from 0 to 1."""
    mine, theirs = read(own), read(gold)
    if mine is None or theirs is None:
        return answer_f1(own, [gold]) if mine == theirs else 0.0
    if abs(mine[0] - theirs[0]) > 1e-9 * abs(theirs[0]):
        return 0.0
    return 1.0 if mine[1] == theirs[1] else 0.5


check("03.8", number_score)

# %% [markdown]
# Notice what it still cannot do: "£98-103 million" is read as 98, "nine shops" not at all, and a year is an amount like any other. Each
# of these is a decision that a score hides until somebody looks.
