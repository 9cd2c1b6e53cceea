# %% [markdown]
# # 00 · Solutions
#
# Try each exercise of `00_environment_setup` yourself first; three hints stand between the stub and this page. Each solution is one of
# several: the checks compare what a function does, not how it is written.

# %%
from course_lib.exercises import check

# %% [markdown]
# ## 00.1 · How long will it take?
#
# Six operations for each weight and token, divided by the operations a second that training really reaches. All care goes into the
# units: a GFLOP is $10^9$ operations, and the formula gives seconds.

# %%
# solution 00.1
def minutes(weights, tokens, share, rate):
    """Return the minutes that training on so many tokens takes."""
    seconds = 6 * weights * tokens / (share * rate * 1e9)
    return seconds / 60


print(f"10 million weights, 3 million tokens, half of 100 GFLOP/s: {minutes(10e6, 3e6, 0.5, 100.0):.0f} minutes")
check("00.1", minutes)

# %% [markdown]
# *Notice:* with 2 in place of 6 the result is the time of prediction: a third.
#
# ## 00.2 · Count what the vocabulary cannot say
#
# `tokenize` gives the pieces without special tokens, so nothing needs to be taken off. `unk_token` is asked of the tokenizer,
# since not every one writes `[UNK]`. The empty text has no pieces, and a share of nothing is defined here as 0.


# %%
# solution 00.2
def unknown_share(text, tokenizer):
    """Return the share of the pieces of a text that are unknown, from 0 to 1."""
    pieces = tokenizer.tokenize(text)
    return pieces.count(tokenizer.unk_token) / len(pieces) if pieces else 0.0


check("00.2", unknown_share)

# %% [markdown]
# *Notice:* `encode` would add `[CLS]` and `[SEP]`, and the share of a short text would come out far too small.
#
# ## 00.3 · Back to the text
#
# The stub glues pieces together. It cannot know whether a space stood between them ("c/o" has three pieces and no space), nor which
# letters were capitals; and where it finds something, it finds the *first* place, which may be another one. Offsets know all this.


# %%
# solution 00.3
def passage(text, encoded, first, last):
    """Return the characters of the text that the pieces first to last stand for."""
    offsets = encoded["offset_mapping"]
    return text[offsets[first][0] : offsets[last][1]]


check("00.3", passage)

# %% [markdown]
# *Notice:* nothing is searched, so a word that occurs twice is no trouble.
#
# ## 00.4 · A mean that padding cannot move
#
# The mask took the padding out of the sum, but `states.shape[1]` counts all positions, padding included. The longer the neighbour,
# the shorter the vector. Each row has to be divided by the number of its own real positions.


# %%
# solution 00.4
def sentence_vectors(states, mask):
    """Return one vector for each row: the mean of its real positions."""
    return (states * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)


check("00.4", sentence_vectors)

# %% [markdown]
# *Notice:* the cosine would not have shown the fault, for it does not look at lengths. A distance would.
#
# ## 00.5 · A typo that nobody notices
#
# The stub asks only for names it knows, and never looks at the others. Compare the two sets of names first. An error is kinder than a
# default that nobody asked for.


# %%
# solution 00.5
def settings(defaults, given):
    """Return the defaults, changed by what is given."""
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        raise ValueError(f"expected names among {sorted(defaults)}, found {unknown}: correct the spelling")
    return defaults | given


check("00.5", settings)

# %% [markdown]
# *Notice:* `defaults | given` makes a new table. `defaults.update(given)` would have changed everybody's.
#
# ## 00.6 · Batches with little padding
#
# Rows of like length belong together: sort the positions by length and cut. No grouping of these sizes pads less.


# %%
# solution 00.6
def make_batches(lengths, size):
    """Return lists of positions in `lengths`, at most `size` in each."""
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    return [order[i : i + size] for i in range(0, len(order), size)]


print(make_batches([9, 2, 8, 3], 2))
check("00.6", make_batches)

# %% [markdown]
# *Notice:* sorted batches come in order of length, and a model that sees all short notes first learns in a bad order. So
# `course_lib.data.batching` groups by length and then shuffles the batches.
#
# ## 00.7 · Another vector of a sentence
#
# Two of many. The largest value of each dimension over the real positions: padding is filled with minus infinity, so that it never
# wins. And a mean in which pieces with long hidden states count more.

# %%
# solution 00.7
import math


def largest(states, mask):
    """Return the largest value of each dimension over the real positions."""
    return states.masked_fill(mask[..., None] == 0, -math.inf).max(dim=1).values


def weighted(states, mask):
    """Return a mean in which a piece counts by the length of its hidden state."""
    weights = states.norm(dim=-1) * mask
    return (states * weights[..., None]).sum(dim=1) / weights.sum(dim=1, keepdim=True)


check("00.7", largest)
check("00.7", weighted)

# %% [markdown]
# *Notice:* a fair comparison needs pairs whose likeness people have judged, chosen before you look, and more than a handful of them.
