# %% [markdown]
# # 01 · Solutions
#
# Try each exercise of `01_loss_math` yourself first; three hints stand between the stub and this page. Each solution is one of
# several: the checks compare what a function does, not how it is written.

# %%
import math
from collections import Counter

import torch
from torch.nn import functional as F

from course_lib.exercises import check

# %% [markdown]
# ## 01.1 · The yardstick
#
# A label with the share $q$ is given the probability $q$ and costs $-\log q$. It occurs with frequency $q$, so that the mean over all
# labels is $-\sum q \log q$. In information theory this number is the *entropy* of the labels.

# %%
# solution 01.1
def base_rate_loss(labels):
    """Return the loss of always saying the base rates."""
    shares = [count / len(labels) for count in Counter(labels).values()]
    return -sum(q * math.log(q) for q in shares)


print(f"nine of ten alike: {base_rate_loss([0] * 9 + [1]):.3f} nats; two equally common: {base_rate_loss([0, 1]):.3f}")
check("01.1", base_rate_loss)

# %% [markdown]
# *Notice:* the rarer the second label, the lower the yardstick. A loss of 0.3 is good for two equally common labels, and
# no better than knowing nothing where nine of ten are alike.
#
# ## 01.2 · A stable softmax, says its author
#
# `z.max()` is the largest logit of *all* rows. A row far below it underflows to zeros. And `e.sum()` adds all rows, so that the whole
# table sums to one, and not each row. Both need the last dimension, kept so that shapes fit.


# %%
# solution 01.2
def softmax(z):
    """Return the probabilities of the classes, which are the last dimension."""
    e = torch.exp(z - z.max(dim=-1, keepdim=True).values)
    return e / e.sum(dim=-1, keepdim=True)


check("01.2", softmax)

# %% [markdown]
# *Notice:* mending the sum alone leaves 0 / 0 in the low row.
#
# ## 01.3 · The loss of an epoch
#
# A mean of batch means gives a label more weight the fewer neighbours it has, and a batch without any label has a mean of nothing. Keep
# a sum and a count of real labels, and divide once.


# %%
# solution 01.3
def epoch_loss(batches):
    """Return the mean loss over the real labels of all batches."""
    total, count = 0.0, 0
    for scores, tags in batches:
        total += F.cross_entropy(scores, tags, reduction="sum").item()
        count += int((tags != -100).sum())
    return total / count


check("01.3", epoch_loss)

# %% [markdown]
# *Notice:* dividing by `len(tags)` instead would count the ignored labels, and the loss would fall as the padding grows.
#
# ## 01.4 · Two steps thrown away
#
# Steps count from 0. `step / warmup` is 0 in the first, and `steps - 1 - step` is 0 in the last: both batches are read and change nothing.
# Add the step that is being made: it is the first of the warm-up, and the last of the way down.


# %%
# solution 01.4
def factor(step, steps, warmup):
    """Return the factor on the learning rate in one step, counted from 0."""
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return (steps - step) / (steps - warmup)


print(" ".join(f"{factor(step, 10, 4):.2f}" for step in range(10)))
check("01.4", factor)

# %% [markdown]
# *Notice:* this is `linear_schedule` of `course_lib`. In a run of ten thousand steps the mistake hardly matters; few fine-tuning runs are
# that long.
#
# ## 01.5 · A penalty that is always zero
#
# `named_parameters` hands out the parameters themselves. `start` holds the same objects as the model, they move together, and their
# difference stays zero. A copy is needed, outside the graph. And the head is left out: pulling it to its random start would hold it back.


# %%
# solution 01.5
def make_penalty(model):
    """Return a function that gives the squared distance of the pretrained weights to their start."""
    start = {name: p.detach().clone() for name, p in model.named_parameters() if not name.startswith("classifier")}
    return lambda: sum(((model.get_parameter(name) - kept) ** 2).sum() for name, kept in start.items())


check("01.5", make_penalty)

# %% [markdown]
# *Notice:* `detach` alone is not enough, for it shares the memory; `clone` alone stays in the graph.
#
# ## 01.6 · The gradient of smoothed labels
#
# The loss is $\sum_k q_k (\log \sum_j e^{z_j} - z_k)$. Since the $q_k$ add up to one, this is $\log \sum_j e^{z_j} - \sum_k q_k z_k$. The first
# term has the gradient $p$, the second $q$: again prediction minus truth. The minimum lies where $p = q$, no longer at certainty.


# %%
# solution 01.6
def smoothed_gradient(z, truth, eps):
    """Return the gradient in the logits z (n, K), for the true classes (n,), without autograd."""
    q = torch.full_like(z, eps / (z.shape[1] - 1))
    q[torch.arange(len(z)), truth] = 1 - eps
    return torch.softmax(z, -1) - q


check("01.6", smoothed_gradient)

# %% [markdown]
# *Notice:* a model that is surer than $1 - \varepsilon$ is pushed *back*: smoothing asks for a little doubt.
#
# ## 01.7 · A loss with a ceiling
#
# One of many: the probability of the truth never counts as less than 0.001, so that no record costs more than
# $\log 1000 \approx 6.9$ nats. Softmax takes care of large logits and of constants added to them.

# %%
# solution 01.7
def my_loss(z, truth):
    """Return the price of each record, shape (n,), from logits (n, K) and true classes (n,)."""
    p = torch.softmax(z, -1).gather(1, truth[:, None]).squeeze(1)
    return -torch.log(0.001 + 0.999 * p)


surely_wrong = torch.tensor([[0.0, 40.0]])
print(f"certain and wrong: cross-entropy {F.cross_entropy(surely_wrong, torch.tensor([0])).item():.1f}, "
      f"this loss {my_loss(surely_wrong, torch.tensor([0])).item():.1f}")
check("01.7", my_loss)

# %% [markdown]
# *Notice:* what is given up. Far on the wrong side the slope is nearly zero: such a record is taken for wrongly labelled, and a
# model that is wrong about it learns nothing from it. Whether that is right, only looking at the labels can tell.
