# %% [markdown]
# ## Exercises
#
# Each cell below runs as it is; change it until its check says *right*. A check calls your function with inputs of its own, so
# the cells can be edited and moved freely. For the next of up to three hints, run `from course_lib.exercises import hint` and then
# `hint("02.3")`. `course progress` shows what is done. Exercises 02.1 and 02.2 stand in sections 2 and 5; the solutions lie in
# `solutions/02_medical_ner.ipynb`.
#
# ### Exercise 02.3 · What kind of error? (5 minutes, warm-up)
#
# Section 7 sorted the errors. Write the rule: both names are `(start, end, label)`, the end is not included. Answer
# `"right"`, `"type"` (same edges, other label), `"boundary"` (the names share a character, other edges, same label),
# `"boundary and type"`, or `"apart"` (no character in common).

# %% tags=["exercise"]
# exercise 02.3
from course_lib.exercises import check


def error_kind(gold, own):
    """Return what the prediction `own` is, beside the gold name."""
    ...


check("02.3", error_kind)

# %% [markdown]
# ### Exercise 02.4 · From tags back to names (8 minutes, practice)
#
# The model gives one tag per word; readers want names. Return a list of `(first, end, label)` in word numbers, in order, `end` not
# included: `["O", "B-DISEASE", "I-DISEASE"]` gives `[(1, 3, "DISEASE")]`. A `B-` always opens a name. An `I-` continues a
# name of the same label that reaches up to the word before; where there is none, repair it leniently: it opens a name.

# %% tags=["exercise"]
# exercise 02.4
from course_lib.exercises import check


def names(tags):
    """Return the names that a list of BIO tags spells."""
    ...


check("02.4", names)

# %% [markdown]
# ### Exercise 02.5 · Sisters apart (8 minutes, mend this)
#
# Records are sentences, and somebody divides them at random. Sentences of one patient's note now stand on both sides, and the test
# has become an open book. Mend `choose_test`: no document may lie on both sides, the test still holds about `share` of the
# sentences, the same `seed` always gives the same choice, and other seeds give others. The list names the document of each sentence;
# a document's sentences need not stand together.

# %% tags=["exercise"]
# exercise 02.5
import random

from course_lib.data import load_notes
from course_lib.exercises import check


def choose_test(documents, share, seed):
    """Return the numbers of the sentences that are kept for the test."""
    order = list(range(len(documents)))
    random.Random(seed).shuffle(order)
    return order[: round(share * len(documents))]


documents = [n.document for n in load_notes("medical_notes").train for _ in n.text.split(". ")]
test = set(choose_test(documents, 0.2, seed=0))
training = {document for i, document in enumerate(documents) if i not in test}
print(f"{sum(documents[i] in training for i in test) / len(test):.0%} of the test sentences have a sister in training")
check("02.5", choose_test)

# %% [markdown]
# ### Exercise 02.6 · Windows that lose no name (10 minutes, mend this)
#
# `truncation=True` is this function: one window, and what lies behind it is gone, from the gold too. Mend it. A text of
# `length` pieces shall become windows `(start, end)` of at most `longest` pieces, in order, which cover every piece; neighbours
# share at least `overlap` pieces, so that a name of up to `overlap` pieces stands whole in one of them. No more windows than needed,
# and a text that fits is one window. You may count on `0 <= overlap < longest` and `length > 0`. The cell counts words instead of
# pieces, to keep things short.

# %% tags=["exercise"]
# exercise 02.6
from course_lib.data import load_notes
from course_lib.exercises import check


def windows(length, longest, overlap):
    """Return the (start, end) of each window; the end is not included."""
    return [(0, min(length, longest))]


lost = total = 0
for note in load_notes("medical_notes").test:
    for span in note.spans:
        inside = [i for i, (start, _) in enumerate(note.words) if span.start <= start < span.end]
        total += 1
        lost += not any(start <= inside[0] and inside[-1] < end for start, end in windows(len(note.words), 48, 12))
print(f"windows of 48 words: {lost} of {total} gold names stand whole in none")
check("02.6", windows)

# %% [markdown]
# ### Exercise 02.7 · An interval that is too sure (12 minutes, mend this)
#
# Sentences of one document are easy or hard together. Whoever draws single sentences pretends to have more independent evidence
# than there is, and the interval comes out too narrow. Each row of `counts` is one sentence: right, predicted and gold names. Mend
# `interval`: draw as many *documents* as there are, with replacement, add up all their sentences, compute one F1 for each
# of the 2,000 draws, and return the ends of the middle 95 %.

# %% tags=["exercise"]
# exercise 02.7
import random

from course_lib.exercises import check


def interval(counts, documents, seed):
    """Return (low, high) of micro F1; `documents` names the document of each row."""
    rng, scores = random.Random(seed), []
    for _ in range(2000):
        right, predicted, gold = map(sum, zip(*rng.choices(counts, k=len(counts)), strict=True))
        scores.append(2 * right / (predicted + gold))
    scores.sort()
    return scores[50], scores[-51]


easy, hard = [(2, 2, 2)] * 8, [(0, 2, 2)] * 8  # 20 documents of 8 sentences, most of them easy
low, high = interval((easy * 3 + hard) * 5, [f"document {i // 8}" for i in range(160)], seed=0)
print(f"95 % interval of F1: {low:.2f} to {high:.2f}, width {high - low:.2f}")
check("02.7", interval)

# %% [markdown]
# ### Exercise 02.8 · Mark texts of your own profession (20 minutes, open-ended)
#
# Write at least five texts of five words or more from your own work (nothing that names a real person), and mark the names in them
# like links: `"Denies [chest pain](SYMPTOM), takes [aspirin](MEDICINE)."` You decide on the labels. The check cannot know whether
# you are right, but it knows rules that every corpus must keep:
#
# 1. marks begin and end at the edges of words, and the texts are all different;
# 2. at least two labels, each used twice or more; at least one mark of several words; at least one text without any mark;
# 3. you agree with yourself: what is marked once is marked everywhere, and with the same label;
# 4. at least three of your names stand in no training note of the bundled corpus.
#
# Then hand rule 3 to a colleague: what had to be decided before you two would mark alike?

# %% tags=["exercise"]
# exercise 02.8
from course_lib.exercises import check

my_texts = [
    ...,
]

check("02.8", my_texts)

# %% [markdown]
# ### Runs worth making
#
# No check can judge these; the runs do, and `course compare` lays them side by side.
#
# 1. Write a sentence in section 8 that the model gets wrong. Which kind of error is it, in the words of 02.3?
# 2. Run the notebook with `silver_records=0` and with twice the default. Is the change larger than the interval?
# 3. Run with `seeds=[0, 1, 2]`. Is the spread over seeds larger or smaller than the interval over notes? Why are they different
#    questions?
# 4. Run with `corpus="ncbi_disease"`. Which of the wrong scores in section 6 grows most against the strict one, and what about
#    that corpus explains it? Beside which published row would you put yours in a paper, and with which remark?
# 5. Save your texts of 02.8 as JSON lines and load them by their path.
