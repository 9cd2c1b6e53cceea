# %% [markdown]
# ## Exercises
#
# Each cell below runs as it is; change it until its check says *right*. A check calls your function with inputs of its own, so
# the cells can be edited and moved freely. For up to three hints, run `from course_lib.exercises import hint` and then
# `hint("01.3")`. `course progress` shows what is done. Exercises 01.1 and 01.2 stand in sections 2 and 4; the solutions lie in
# `solutions/01_loss_math.ipynb`.
#
# ### Exercise 01.3 · The loss of an epoch (8 minutes, mend this)
#
# `epoch_loss` gets batches, each a pair of scores `(n, K)` and tags `(n,)`, with −100 where there is no label. It should return the mean
# loss of all real labels. The printed lines show the same ten labels in three splits: its result depends on who shares a
# batch with whom, and one batch without any real label spoils the epoch. Mend it.

# %% tags=["exercise"]
# exercise 01.3
import torch
from torch.nn import functional as F

from course_lib.exercises import check


def epoch_loss(batches):
    """Return the mean loss over the real labels of all batches."""
    return sum(F.cross_entropy(s, t).item() for s, t in batches) / len(batches)


s, t = torch.randn(10, 3, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 2, -100, -100, -100, -100, 0, 0, 1])
for sizes in ((10,), (8, 2), (3, 4, 3)):
    print(f"batches of {str(sizes):9}: {epoch_loss(list(zip(s.split(sizes), t.split(sizes), strict=True))):.4f}")
check("01.3", epoch_loss)

# %% [markdown]
# ### Exercise 01.4 · Two steps thrown away (8 minutes, mend this)
#
# `factor` multiplies the learning rate in a step: up evenly from the first step to 1 at the end of the warm-up, then down evenly, nearly
# to 0 at the last step. Steps count from 0. The schedule below reads two batches from which it learns nothing; in a run
# of ten steps that is a fifth of the data. Mend it, so that every step has a factor above 0 and the highest is 1. It should
# work without warm-up, too.

# %% tags=["exercise"]
# exercise 01.4
from course_lib.exercises import check


def factor(step, steps, warmup):
    """Return the factor on the learning rate in one step, counted from 0."""
    if step < warmup:
        return step / warmup
    return (steps - 1 - step) / (steps - 1 - warmup)


factors = [factor(step, 10, 4) for step in range(10)]
print(" ".join(f"{f:.2f}" for f in factors), "- wasted steps:", sum(f == 0 for f in factors))
check("01.4", factor)

# %% [markdown]
# ### Exercise 01.5 · A penalty that is always zero (10 minutes, mend this)
#
# `make_penalty` should remember where the weights of a model start, and return a function without arguments: the summed squared distance to
# that start, as a tensor with a gradient. (λ is multiplied on later.) The printed line shows that it never leaves 0, though the weights have
# moved: nothing would ever pull. Mend it. And one thing is missing: names that begin with `classifier` belong to a new
# head, which has no start worth returning to. Leave them free.

# %% tags=["exercise"]
# exercise 01.5
import torch
from torch import nn

from course_lib.exercises import check


def make_penalty(model):
    """Return a function that gives the squared distance of the pretrained weights to their start."""
    start = dict(model.named_parameters())
    return lambda: sum(((p - start[name]) ** 2).sum() for name, p in model.named_parameters())


two_parts = nn.ModuleDict({"body": nn.Linear(2, 2), "classifier": nn.Linear(2, 3)})
distance = make_penalty(two_parts)
with torch.no_grad():
    for weights in two_parts["body"].parameters():
        weights += 0.5
    print(f"six weights moved by 0.5: penalty {float(distance()):.2f}, expected {6 * 0.5**2:.2f}")
check("01.5", make_penalty)

# %% [markdown]
# ### Exercise 01.6 · The gradient of smoothed labels (10 minutes, practice)
#
# Label smoothing replaces the one-hot label by $q$: $1 - \varepsilon$ for the truth and $\varepsilon / (K - 1)$ for each other class. The
# loss of a record is then $-\sum_k q_k \log p_k$. Derive its gradient in the logits, by the three steps of section 5, and
# write it down: one row for each record, not divided by their number. Where does this loss have its minimum? (torch's own
# `label_smoothing` spreads $\varepsilon$ over all $K$ classes: the check will notice.)

# %% tags=["exercise"]
# exercise 01.6
from course_lib.exercises import check


def smoothed_gradient(z, truth, eps):
    """Return the gradient in the logits z (n, K), for the true classes (n,), without autograd."""
    ...


check("01.6", smoothed_gradient)

# %% [markdown]
# ### Exercise 01.7 · A loss with a ceiling (20 minutes, open-ended)
#
# Labels are written by people, and some are wrong. Under cross-entropy one wrong label may cost more than a hundred right ones: its price
# has no upper limit. Invent a loss that has one. There are many right answers, and the check knows only the rules. It
# returns one price for each record; a certain, right answer costs 0; the price falls as the truth becomes more probable; no price is above
# 10, whatever the logits; adding a number to all logits of a record changes nothing; and the slope in the true logit is below 0 for
# ordinary logits, so that there is something to learn from. Then compare: what does your loss give up for its calm?

# %% tags=["exercise"]
# exercise 01.7
from course_lib.exercises import check


def my_loss(z, truth):
    """Return the price of each record, shape (n,), from logits (n, K) and true classes (n,)."""
    ...


check("01.7", my_loss)

# %% [markdown]
# ### To think about
#
# Two questions without a check.
#
# - A fresh classifier for the seven tags starts with a loss of 4.1. A second one starts with 0.02. What do you check first in each
#   case?
# - In section 12 the pull goes through Adam. A decoupled version would shrink the *distance to the start* by $1 - 2\eta\lambda$ in each
#   step, beside the gradient. Would the table change? For which weights?
#
