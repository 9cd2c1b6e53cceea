# %% [markdown]
# # Solutions to the exercises of notebook 02
#
# Each cell runs alone and ends in the same check as the exercise. There are other right answers: a check looks at what a function
# does and not at how. Look here after your own attempt; the reasons are worth more than the code.
#
# ## 02.1 · A label for every piece
#
# The stub gives `haemochromatosis` six `B-DISEASE` labels, one for each piece: the model learns that six diseases stand there, and a
# score over pieces counts six successes. It also makes `[CLS]` and `[SEP]` easy `O` examples. The idea: a piece speaks for its word only
# if the piece before belongs to another word, and -100 takes everything else out of the loss.

# %%
# solution 02.1
from course_lib.exercises import check


def piece_labels(word_labels, word_ids):
    """Return one label per piece; -100 where the loss shall not look."""
    result, before = [], None
    for word in word_ids:
        result.append(-100 if word is None or word == before else word_labels[word])
        before = word
    return result


check("02.1", piece_labels)

# %% [markdown]
# Notice that word *numbers* are compared. Two neighbouring names with the same label are still two names.
#
# ## 02.2 · Entity F1 by hand
#
# Three counts, added up over all notes, and one division at the end. Sets do the comparing: a name is right if the same triple stands in
# both sets of the same note. Joining all notes into one list would let a name of one note excuse a mistake in another.

# %%
# solution 02.2
from course_lib.exercises import check


def entity_f1(gold, predicted):
    """Return strict micro F1 over all notes, between 0 and 1."""
    right = total = 0
    for marked, found in zip(gold, predicted, strict=True):
        right += len(set(marked) & set(found))
        total += len(marked) + len(found)
    return 2 * right / total if total else 0.0


check("02.2", entity_f1)

# %% [markdown]
# Notice that a boundary error costs twice: the wrong name is one too many among the predicted, and the right one is missing.
#
# ## 02.3 · What kind of error?
#
# Ask in the order from strict to loose. Two stretches overlap if each begins before the other ends; with ends that are not included,
# `<` is right and `<=` would call neighbours overlapping.

# %%
# solution 02.3
from course_lib.exercises import check


def error_kind(gold, own):
    """Return what the prediction `own` is, beside the gold name."""
    same_label = gold[2] == own[2]
    if gold[:2] == own[:2]:
        return "right" if same_label else "type"
    if gold[0] < own[1] and own[0] < gold[1]:
        return "boundary" if same_label else "boundary and type"
    return "apart"


check("02.3", error_kind)

# %% [markdown]
# Notice that the answer does not change if gold and prediction change places. In counts of precision and recall it would.
#
# ## 02.4 · From tags back to names
#
# Extend the last name if the tag is its `I-` and it reaches up to this word; any other tag except `O` opens a name. An orphan `I-` needs
# no rule of its own then: it finds nothing to extend. The label is all that follows the *first* hyphen.

# %%
# solution 02.4
from course_lib.exercises import check


def names(tags):
    """Return the names that a list of BIO tags spells."""
    found = []
    for word, tag in enumerate(tags):
        prefix, _, label = tag.partition("-")
        if prefix == "I" and found and found[-1][1:] == (word, label):
            found[-1] = (found[-1][0], word + 1, label)
        elif prefix != "O":
            found.append((word, word + 1, label))
    return found


check("02.4", names)

# %% [markdown]
# Notice that nothing has to be closed at the end of the list: a name that is still growing is already in it.
#
# ## 02.5 · Sisters apart
#
# The stub shuffles sentences, so nearly every document ends up on both sides. Shuffle documents, and take whole ones until the test
# is large enough. `sorted` matters: the order of a set of texts differs from one start of Python to the next, and with it the split,
# whatever the seed.

# %%
# solution 02.5
import random

from course_lib.exercises import check


def choose_test(documents, share, seed):
    """Return the numbers of the sentences that are kept for the test."""
    order = sorted(set(documents))
    random.Random(seed).shuffle(order)
    test = []
    for document in order:
        if len(test) >= share * len(documents):
            break
        test += [i for i, own in enumerate(documents) if own == document]
    return test


check("02.5", choose_test)

# %% [markdown]
# Notice the price: the test is only *about* as large as asked for, since no document is cut in two.
#
# ## 02.6 · Windows that lose no name
#
# The stub keeps the beginning of a text. Instead, step forward by `longest - overlap`. Two neighbours then share `overlap` pieces, and a
# name of at most so many cannot be cut by both. Stop at the window that reaches the end.

# %%
# solution 02.6
from course_lib.exercises import check


def windows(length, longest, overlap):
    """Return the (start, end) of each window; the end is not included."""
    result = [(0, min(length, longest))]
    while result[-1][1] < length:
        start = result[-1][0] + longest - overlap
        result.append((start, min(start + longest, length)))
    return result


print(windows(112, 48, 12))
check("02.6", windows)

# %% [markdown]
# Notice that most pieces are read once, some twice. `course_lib` then judges each word in the window that shows most context around it.
#
# ## 02.7 · An interval that is too sure
#
# The stub draws 160 sentences as if they were 160 independent pieces of evidence. There are only 20 documents. Add up the counts by
# document first; after that the code is the same, with documents in the place of sentences.

# %%
# solution 02.7
import random

from course_lib.exercises import check


def interval(counts, documents, seed):
    """Return (low, high) of micro F1; `documents` names the document of each row."""
    sums = {document: [0, 0, 0] for document in documents}
    for document, row in zip(documents, counts, strict=True):
        sums[document] = [old + new for old, new in zip(sums[document], row, strict=True)]
    rows, rng, scores = list(sums.values()), random.Random(seed), []
    for _ in range(2000):
        right, predicted, gold = map(sum, zip(*rng.choices(rows, k=len(rows)), strict=True))
        scores.append(2 * right / (predicted + gold))
    scores.sort()
    return scores[50], scores[-51]


easy, hard = [(2, 2, 2)] * 8, [(0, 2, 2)] * 8
low, high = interval((easy * 3 + hard) * 5, [f"document {i // 8}" for i in range(160)], seed=0)
print(f"95 % interval of F1: {low:.2f} to {high:.2f}, width {high - low:.2f}")
check("02.7", interval)

# %% [markdown]
# Notice how much wider it is: eight alike sentences in a document are worth one, and the width grows by about the root of eight.
#
# ## 02.8 · Mark texts of your own profession
#
# There is no one solution. Here is a lawyer's. One decision had to be made at once: is "tenant" a name? If it is, it is one everywhere,
# also in the second text. And "written notice" was left unmarked, because nobody could say where such a term ends.

# %%
# solution 02.8
from course_lib.exercises import check

my_texts = [
    "The [tenant](PARTY) shall pay rent under the [Housing Act 1988](STATUTE) on the first of each month.",
    "The [landlord](PARTY) may not enter without written notice to the [tenant](PARTY).",
    "Time runs from the day after the letter was received.",
    "A deposit is protected by the [Deregulation Act 2015](STATUTE) from the day it is paid.",
    "Where the [landlord](PARTY) is late, the [Housing Act 1988](STATUTE) allows for a penalty.",
]

check("02.8", my_texts)

# %% [markdown]
# Notice that no rule asked whether the marks are *true*. Rules keep a corpus in order; only a second annotator tells you whether the
# task is one that people agree on.
