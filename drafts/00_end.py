# %% [markdown]
# ## Exercises
#
# Each cell below runs as it is; change it until its check says *right*. A check calls your function with inputs of its own, so you
# may edit, move and delete cells as you like. It knows three answers: *not tried yet*, *right*, and *not yet, because …* with what
# your own function gave. Up to three hints are one call away: `hint("00.3")`. Two exercises stood in the text above, 00.1 and 00.2.
#
# What you have done is kept on this machine only, in `work/progress.json`: no account, no server, none of your code. The table
# below shows it, for all notebooks, and so does `course progress`. The solutions lie in `solutions/00_environment_setup.ipynb`.

# %%
from course_lib.exercises import panel

panel()

# %% [markdown]
# ### Exercise 00.3 · Back to the text (6 minutes, mend this)
#
# A model names pieces; a reader wants the words of the text. `passage` should return the part of the text that the pieces `first`
# to `last` stand for, both included. Its author glues the pieces together and looks for the result in the text. The line printed
# below shows how often that goes well. Mend it with what section 7 calls the thread back to the text.

# %% tags=["exercise"]
# exercise 00.3
from course_lib.data import load_notes
from course_lib.exercises import check
from course_lib.models.heads import load_tokenizer


def passage(text, encoded, first, last):
    """Return the characters of the text that the pieces first to last stand for."""
    glued = " ".join(encoded.tokens()[first : last + 1]).replace(" ##", "")
    start = text.lower().find(glued)
    return text[start : start + len(glued)]


cut, asked, right = load_tokenizer("minilm"), 0, 0
for note in load_notes("medical_notes").train[:40]:
    encoded = cut(note.text, return_offsets_mapping=True)
    for span in note.spans:
        first, last = encoded.char_to_token(span.start), encoded.char_to_token(span.end - 1)
        asked += 1
        right += passage(note.text, encoded, first, last) == note.text[span.start : span.end]
print(f"{right} of {asked} names in 40 notes are cut out rightly")
check("00.3", passage)

# %% [markdown]
# ### Exercise 00.4 · A mean that padding cannot move (7 minutes, mend this)
#
# One vector for each sentence: the mean over its real positions. The author of `sentence_vectors` has read section 8 and takes
# the padding out of the sum. All the same the vector of a sentence still depends on who else is in its batch: the printed line shows
# what three padded positions do to its length. Mend it. (`states` has the shape rows, positions, width; `mask` has rows, positions.)

# %% tags=["exercise"]
# exercise 00.4
import torch

from course_lib.exercises import check


def sentence_vectors(states, mask):
    """Return one vector for each row: the mean of its real positions."""
    return (states * mask[..., None]).sum(dim=1) / states.shape[1]


row, real = torch.ones(1, 3, 4), torch.ones(1, 3)
padded = sentence_vectors(torch.cat([row, row], dim=1), torch.cat([real, 0 * real], dim=1))
print(f"length of the vector alone {sentence_vectors(row, real).norm():.2f}, with three padded positions {padded.norm():.2f}")
check("00.4", sentence_vectors)

# %% [markdown]
# ### Exercise 00.5 · A typo that nobody notices (6 minutes, mend this)
#
# `settings` gives the defaults of a program, changed by what a user asks for. It has a fault that costs afternoons: see the
# printed line. Mend it, so that a name which does not exist is an error, and the error names it. `defaults` is shared by all
# users and must stay as it is.

# %% tags=["exercise"]
# exercise 00.5
from course_lib.exercises import check


def settings(defaults, given):
    """Return the defaults, changed by what is given."""
    return {name: given.get(name, value) for name, value in defaults.items()}


try:
    print("asked for epoch=3:", settings({"epochs": 5, "seed": 0}, {"epoch": 3}))
except Exception as error:
    print("asked for epoch=3:", error)
check("00.5", settings)

# %% [markdown]
# ### Exercise 00.6 · Batches with little padding (10 minutes, practice)
#
# Every padded position costs as much as a real one. Write `make_batches`: it gets the lengths of all rows and the largest number of rows
# in a batch, and returns batches as lists of positions in `lengths` (counted from 0). Each row stands in exactly one batch, there
# are no more batches than needed, and as few padded positions as sorting allows. For the lengths `[9, 2, 8, 3]` in batches of 2, the
# answer `[[1, 3], [2, 0]]` pads two positions; `[[0, 1], [2, 3]]` pads twelve.

# %% tags=["exercise"]
# exercise 00.6
from course_lib.exercises import check


def make_batches(lengths, size):
    """Return lists of positions in `lengths`, at most `size` in each."""
    ...


check("00.6", make_batches)

# %% [markdown]
# ### Exercise 00.7 · Another vector of a sentence (20 minutes, open-ended)
#
# The mean gives every piece the same weight. Find another way to make one vector of a sentence. There is no single right answer,
# but there are rules that any method must keep, and the check knows them: it reads the hidden states; it is not the mean, nor a
# multiple of it; and neither the padding nor the other sentences of the batch move it. Then try it on the sentences of
# section 8. Does "denies" come further away from "reports"? And how would you decide fairly which way is better?

# %% tags=["exercise"]
# exercise 00.7
from course_lib.exercises import check


def my_vectors(states, mask):
    """Return one vector for each row: shapes (rows, positions, width) and (rows, positions) in, (rows, any width) out."""
    ...


check("00.7", my_vectors)

# %% [markdown]
# ### To think about
#
# Three questions without a check; talk about them with somebody.
#
# - Find a medicine that is a single piece, and one that needs five or more. What would have to change for the second to be one?
# - Pick a machine you would like to have, look up its matrix-product rate, and predict the minutes of notebook 02 with the share
#   measured here. Which of the three numbers do you trust least?
# - Write two sentences that mean the same and share no word, and two that differ in one word and mean the opposite. Which pair
#   has the higher cosine?
#
