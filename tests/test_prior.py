"""The sentence prior: where sentences begin, what it adds, how its weight is chosen."""

from __future__ import annotations

import numpy as np
import pytest

from course_lib.data.records import Answer, Question
from course_lib.evaluation.qa import Candidate, Decoded, choose_prior_weight, with_prior
from course_lib.models.similarity import SentencePrior, sentences

CONTEXT = "Sales rose to 9 million. Debt fell to 4 million; rates were flat.\nThe boss is Ada."


def test_sentences_cover_the_text() -> None:
    parts = [CONTEXT[s:e] for s, e in sentences(CONTEXT)]
    assert [p.strip() for p in parts] == [
        "Sales rose to 9 million.", "Debt fell to 4 million;", "rates were flat.", "The boss is Ada.",
    ]


def test_prior_adds_the_similarity_of_the_candidates_sentence() -> None:
    spans = sentences(CONTEXT)
    nine, four = CONTEXT.index("9 million"), CONTEXT.index("4 million")
    decoded = Decoded((Candidate(nine, nine + 9, 3.0), Candidate(four, four + 9, 2.0)), null_score=1.0)
    cosines = np.array([0.1, 0.6, 0.0, 0.0], dtype=np.float32)
    mixed = with_prior(decoded, (spans, cosines), 10)
    assert [c.start for c in mixed.candidates] == [four, nine]
    assert [c.score for c in mixed.candidates] == pytest.approx([8.0, 4.0])
    assert mixed.null_score == 1.0 and with_prior(decoded, (spans, cosines), 0) is decoded


def test_weight_is_chosen_by_f1_and_zero_wins_ties() -> None:
    spans = sentences(CONTEXT)
    nine, four = CONTEXT.index("9 million"), CONTEXT.index("4 million")
    question = Question("q", "How large is what is owed?", CONTEXT, (Answer("4 million", four),))
    decoded = [Decoded((Candidate(nine, nine + 9, 3.0), Candidate(four, four + 9, 2.0)), -5.0)]
    helpful = [(spans, np.array([0.1, 0.6, 0, 0], dtype=np.float32))]
    useless = [(spans, np.array([0.6, 0.1, 0, 0], dtype=np.float32))]
    assert choose_prior_weight([question], decoded, helpful, (0, 10)) == 10
    assert choose_prior_weight([question], decoded, useless, (0, 10)) == 0


def test_the_published_encoder_finds_the_sentence() -> None:
    questions = [Question(str(i), text, CONTEXT) for i, text in enumerate(("How high are borrowings?", "Who runs the company?"))]
    prior = SentencePrior()
    found = prior.similarities(questions)
    assert [CONTEXT[slice(*spans[int(values.argmax())])].strip() for spans, values in found] == [
        "Debt fell to 4 million;", "The boss is Ada.",
    ]
    vectors = prior.embed(["one text", "another text, somewhat longer"])
    assert vectors.shape == (2, 384) and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(prior.embed(["one text"])[0], vectors[0], atol=1e-5), "padding must not change a vector"
