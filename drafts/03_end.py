# %% [markdown]
# ## Exercises
#
# Each cell below runs as it is; change it until its check says *right*. A check calls your function with inputs of its own, so
# the cells can be edited and moved freely. For the next of up to three hints, run `from course_lib.exercises import hint` and then
# `hint("03.3")`. `course progress` shows what is done. Exercises 03.1 and 03.2 stand in sections 2 and 6; the solutions lie in
# `solutions/03_finance_qa.ipynb`.
#
# ### Exercise 03.3 · From pieces back to the text (4 minutes, warm-up)
#
# `offsets` holds the `(start, end)` characters of each piece in the passage, the end not included. The model points at the
# pieces `first` to `last`, both *part of* the answer. Return the answer, cut out of the passage itself.

# %% tags=["exercise"]
# exercise 03.3
from course_lib.exercises import check


def cut_out(passage, offsets, first, last):
    """Return the text from piece `first` to piece `last`, both included."""
    ...


check("03.3", cut_out)

# %% [markdown]
# ### Exercise 03.4 · What a window is taught (10 minutes, practice)
#
# The other direction: the answer stands at the characters `start` to `end` (not included) of the passage, and a window sees some
# pieces. `offsets` has `None` for pieces of the question and for special tokens. Return `(first, last)`, the pieces that the
# answer touches, both included. If the window does not hold the *whole* answer, return `(0, 0)`: a window that is taught half
# an answer learns to give half answers. An answer may begin or end inside a piece; then that piece counts.

# %% tags=["exercise"]
# exercise 03.4
from course_lib.exercises import check


def answer_pieces(offsets, start, end):
    """Return the pieces of the answer in this window, or (0, 0)."""
    ...


check("03.4", answer_pieces)

# %% [markdown]
# ### Exercise 03.5 · The other £12 million (6 minutes, mend this)
#
# Somebody tidied up the white space of a corpus, and the marked places no longer fit exactly. `str.find` puts every answer at its
# first occurrence, so that a figure that stands twice teaches the model the wrong sentence. Mend `place`: return the beginning of
# that occurrence which lies nearest to the old mark (of two equally near ones the earlier), and -1 if the passage does not hold
# the answer at all.

# %% tags=["exercise"]
# exercise 03.5
from course_lib.exercises import check


def place(passage, answer, marked):
    """Return where the answer begins; `marked` is nearly right."""
    return passage.find(answer)


passage = "Sales were £12 million in 2023 and £14 million in 2024; costs were £9 million in 2023 and £12 million in 2024."
examples = [("£12 million", 92), ("2024", 107), ("2023", 27), ("2023", 84)]  # figure, and roughly where it stood
wrong = sum(abs(place(passage, answer, marked) - marked) > 5 for answer, marked in examples)
print(f"{wrong} of {len(examples)} answers are placed at another figure of the passage")
check("03.5", place)

# %% [markdown]
# ### Exercise 03.6 · One window has a veto (8 minutes, mend this)
#
# Each window is `(text, score, null_score)`: its best span, how well that scores, and how well silence scores there. The code below
# keeps the *largest* null score, as a widely used tutorial does, and so one window that rightly sees nothing silences the others.
# Mend `answer`: the question has no answer only if every window says so. Return `""` if silence then beats the best span by *more*
# than `threshold`, else the text of the best span.

# %% tags=["exercise"]
# exercise 03.6
import random

from course_lib.exercises import check


def answer(windows, threshold):
    """Return the text of the best span over all windows, or an empty text."""
    text, best, _ = max(windows, key=lambda window: window[1])
    null = max(window[2] for window in windows)
    return "" if null - best > threshold else text


rng = random.Random(0)
for count in (1, 2, 4, 8):  # the answer lies in one window, the others see nothing, and say so
    trials = [[("right", rng.gauss(8, 2), rng.gauss(2, 2)),
               *(("wrong", rng.gauss(0, 2), rng.gauss(7, 2)) for _ in range(count - 1))] for _ in range(500)]
    given = sum(answer(trial, 0.0) == "right" for trial in trials) / len(trials)
    print(f"windows: {count}, right answers that are given: {given:.0%}")
check("03.6", answer)

# %% [markdown]
# ### Exercise 03.7 · Where to draw the line (10 minutes, practice)
#
# For each validation question you have `margins` (score of silence minus score of the best span), `scores` (the F1 if the model
# speaks) and `answerable`. It keeps silent where the margin is *greater* than the threshold, and scores 1 for silence if the
# question has no answer, else 0. Return a finite threshold with the highest mean score. Margins are in no fixed range, so a list
# of round numbers to try will not do: ask yourself where the mean can change at all.

# %% tags=["exercise"]
# exercise 03.7
from course_lib.exercises import check


def choose(margins, scores, answerable):
    """Return the threshold that is best on these validation questions."""
    ...


check("03.7", choose)

# %% [markdown]
# ### Exercise 03.8 · Numbers as numbers (20 minutes, open-ended)
#
# F1 gives "£4.7 million" half a point for "£4.2 million", and "£4.2m" none. Write a score between 0 and 1 that reads amounts as
# a person would. How you read them is up to you; the check holds you to these rules:
#
# 1. the same amount written in another way gets 1: `£4.2 million`, `£4.2m` and `£4,200,000`; `(1.3)` and `-1.3`, as in
#    tables; `12 per cent` and `12%`; `1,846` and `1846`; thousand (`k`), million (`m`) and billion (`bn`);
# 2. another amount gets at most 0.2, however alike it looks: other digits, other scale, other sign;
# 3. the same figure in another currency (£, $, €), or as a percentage, gets less than 1;
# 4. where neither text holds a number, words decide: equal ones get 1, different ones 0; two empty texts agree, and a number
#    against a text without any gets 0.
#
# Then rescore the `predictions.jsonl` of your run with it. Which of the two scores would you show to an analyst?

# %% tags=["exercise"]
# exercise 03.8
from course_lib.exercises import check


def number_score(own, gold):
    """Return how right the text `own` is, from 0 to 1."""
    ...


check("03.8", number_score)

# %% [markdown]
# ### Runs worth making
#
# No check can judge these; the runs do, and `course compare` lays them side by side.
#
# 1. In section 12, ask a question whose answer is not in the passage but whose kind of figure is. Is the model silent?
# 2. Raise and lower `threshold` and watch false refusals and rightly silent answers. Draw one against the other.
# 3. Run with `silver_records=0`. What does the first stage buy, and is it more than the interval?
# 4. With a network, run `corpus="tatqa"` alone, then with `stages=["xquad", "finance_qa"]`. What does each stage add, and on what
#    kind of question? Why may the result not stand beside a leaderboard?
