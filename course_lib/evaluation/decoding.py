"""From tag probabilities to the best *possible* tag sequence.

Taking the likeliest tag of each word alone can give sequences that no
annotation has, such as ``I-DISEASE`` behind ``O``. The Viterbi algorithm
(Viterbi 1967; for tagging see Collobert et al. 2011, section 3.3.2) finds the most
probable sequence among the possible ones, here with hard rules and no trained transitions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from course_lib.data.labels import LabelSet
from course_lib.errors import DataError


def allowed_steps(labels: LabelSet) -> NDArray[np.bool_]:
    """Return a (tags, tags) array: may the second tag follow the first?

    ``I-X`` may follow only ``B-X`` or ``I-X``; everything else may follow anything.
    """
    names = labels.tags
    return np.array([[not b.startswith("I-") or a[2:] == b[2:] for b in names] for a in names])


def best_tags(probabilities: NDArray[np.float32], labels: LabelSet) -> list[int]:
    """Return the tag ids of the most probable allowed sequence.

    ``probabilities`` has one row per word and one column per tag.
    """
    if probabilities.ndim != 2 or probabilities.shape[1] != len(labels.tags):
        raise DataError(
            f"decoding: expected probabilities of shape (words, {len(labels.tags)}), found {probabilities.shape}. "
            "Use the label set that the model was trained with."
        )
    scores = np.log(np.maximum(probabilities.astype(np.float64), 1e-12))
    steps = np.where(allowed_steps(labels), 0.0, -np.inf)
    if not len(scores):
        return []
    # A text cannot begin inside an entity: the same rule as behind O (tag 0).
    best = scores[0] + steps[0]
    back = np.zeros(scores.shape, dtype=np.int64)
    for word in range(1, len(scores)):
        paths = best[:, None] + steps
        back[word] = paths.argmax(axis=0)
        best = paths.max(axis=0) + scores[word]
    tags = [int(best.argmax())]
    for word in range(len(scores) - 1, 0, -1):
        tags.append(int(back[word, tags[-1]]))
    return tags[::-1]
