"""Deliberate bugs, each of which a named check must catch.

A row of the table names a bug, the function that puts it in, and the test that
must then fail. Every check is also run without the bug, where it must pass: a
check that always fails catches nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import test_batching
import test_corpora
import test_evaluation_ner
import test_evaluation_qa
import test_leakage
import test_models
import test_ner_features
import test_qa_features
import test_training
from samples import swap

from course_lib import seeds
from course_lib.data import batching, corpora, leakage, ner_features, qa_features
from course_lib.data.labels import IGNORE_INDEX, LabelSet
from course_lib.data.records import Answer
from course_lib.errors import CourseError
from course_lib.evaluation import bootstrap, ner, qa
from course_lib.models import forward
from course_lib.tasks import NerTask
from course_lib.training import optimizer, state

Patch = Callable[[pytest.MonkeyPatch], Any]


# ---- what classic tutorials get wrong ----------------------------------------
def labels_shifted_by_one(m: pytest.MonkeyPatch) -> None:
    """Word labels laid on pieces by position, [CLS] forgotten."""
    whole = ner_features.align_labels
    swap(m, whole, lambda words, tags: [*whole(words, tags)[1:], IGNORE_INDEX])


def padding_as_o(m: pytest.MonkeyPatch) -> None:
    """-100 lost: padded labels become 0, which is O."""
    whole = forward.pad
    swap(m, whole, lambda rows, value: whole(rows, 0 if value == IGNORE_INDEX else value))


def special_tokens_as_o(m: pytest.MonkeyPatch) -> None:
    whole = ner_features.align_labels
    swap(m, whole, lambda words, tags: [0 if w < 0 else label for w, label in zip(words, whole(words, tags), strict=True)])


def b_copied_to_all_pieces(m: pytest.MonkeyPatch) -> None:
    """``label_all_tokens=True``: each piece of metformin opens an entity of its own."""
    swap(m, ner_features.align_labels, lambda words, tags: [tags[w] if w >= 0 else IGNORE_INDEX for w in words])


def windows_cut_without_overlap(m: pytest.MonkeyPatch) -> None:
    """Long texts are truncated: only the first window is kept."""
    whole = ner_features._note_rows
    swap(m, whole, lambda note, number, ids, offsets, *rest: whole(note, number, ids[:1], offsets[:1], *rest))


def cut_spans_taught_as_entities(m: pytest.MonkeyPatch) -> None:
    """Every window labels what it sees, half entities too."""
    swap(m, ner_features._whole_words, lambda words, window, windows: set(range(10_000)))


def words_spoken_for_twice(m: pytest.MonkeyPatch) -> None:
    """In an overlap both windows speak for a word: it is predicted in the last one, and nowhere in the first."""
    def last(pieces: list[list[int]]) -> dict[int, int]:
        return {word: len(pieces) - 1 for words in pieces for word in words if word >= 0}
    swap(m, ner_features._best_window, last)


def mean_of_batch_means(m: pytest.MonkeyPatch) -> None:
    """Each micro-batch is averaged by itself, then the averages are."""
    whole, count = NerTask.loss_sum, NerTask.targets
    m.setattr(NerTask, "loss_sum", lambda self, o, b: whole(self, o, b) / count(self, b))
    m.setattr(NerTask, "targets", lambda self, b: 1)


def predicted_and_gold_swapped(m: pytest.MonkeyPatch) -> None:
    swap(m, ner.entity_counts, lambda gold, predicted: (len({*gold} & {*predicted}), len({*gold}), len({*predicted})))


def report_with_predicted_and_gold_swapped(m: pytest.MonkeyPatch) -> None:
    whole = ner.Prf
    swap(m, ner._prf, lambda parts: whole(*(sum(p[k] for p in parts) for k in ("correct", "gold", "predicted"))))


def entities_glued_together(m: pytest.MonkeyPatch) -> None:
    """A B- after an entity of its type continues it."""
    def glued(self: LabelSet, ids: Any, words: Any) -> Any:
        tags = [self.tags[i] for i in ids]
        loose = [self.label2id["I" + t[1:]] if t[0] == "B" and i and tags[i - 1][1:] == t[1:] else self.label2id[t] for i, t in enumerate(tags)]
        return whole(self, loose, words)
    whole = LabelSet.spans_of
    m.setattr(LabelSet, "spans_of", glued)


def overlap_is_good_enough(m: pytest.MonkeyPatch) -> None:
    """A prediction that only touches a gold entity counts as right."""
    def lenient(gold: Any, predicted: Any) -> tuple[int, int, int]:
        hits = sum(any(p.start < g.end and g.start < p.end and p.label == g.label for g in gold) for p in {*predicted})
        return hits, len({*predicted}), len({*gold})
    swap(m, ner.entity_counts, lenient)


def sentences_resampled_instead_of_documents(m: pytest.MonkeyPatch) -> None:
    swap(m, ner.groups_of, lambda notes: ([str(i) for i in range(len(notes))], "document"))


def unpaired_comparison(m: pytest.MonkeyPatch) -> None:
    """The two systems are resampled apart."""
    whole, calls = bootstrap._resampled, iter(range(10**6))
    swap(m, whole, lambda sums, score, resamples, seed: whole(sums, score, resamples, seed + next(calls)))


# ---- question answering --------------------------------------------------------
def start_after_end_allowed(m: pytest.MonkeyPatch) -> None:
    """Two free argmaxes."""
    def free(window: qa.Window, max_answer_pieces: int = 30, n_best: int = 10) -> list[qa.Candidate]:
        inside = np.flatnonzero(window.offset_start >= 0)
        s, e = (inside[np.argmax(x[inside])] for x in (window.start_logits, window.end_logits))
        return [qa.Candidate(int(window.offset_start[s]), int(window.offset_end[e]), float(window.start_logits[s] + window.end_logits[e]))]
    swap(m, qa.decode_window, free)


def answers_found_in_the_question(m: pytest.MonkeyPatch) -> None:
    """Question and special tokens compete for the answer."""
    whole = qa.decode_window
    swap(m, whole, lambda w, *rest: whole(replace(w, offset_start=np.maximum(w.offset_start, 0), offset_end=np.maximum(w.offset_end, 0)), *rest))


def length_cap_forgotten(m: pytest.MonkeyPatch) -> None:
    whole = qa.decode_window
    swap(m, whole, lambda window, cap=30, n_best=10: whole(window, 10**6, n_best))


def largest_null_score(m: pytest.MonkeyPatch) -> None:
    whole = qa.decode_question
    def largest(windows: Any, *rest: Any) -> qa.Decoded:
        return replace(whole(windows, *rest), null_score=max(float(w.start_logits[0] + w.end_logits[0]) for w in windows))
    swap(m, whole, largest)


def threshold_direction_flipped(m: pytest.MonkeyPatch) -> None:
    whole = qa.answer_text
    swap(m, whole, lambda q, d, threshold: whole(q, replace(d, null_score=2 * threshold - d.null_margin + d.candidates[0].score)
                                                 if d.candidates and np.isfinite(threshold) else d, threshold))


def answer_offset_by_str_find(m: pytest.MonkeyPatch) -> None:
    whole = qa_features.answer_tokens
    def by_find(q: Any, starts: Any, ends: Any) -> tuple[int, int]:
        return whole(replace(q, answers=tuple(Answer(a.text, q.context.find(a.text)) for a in q.answers)), starts, ends)
    swap(m, whole, by_find)


def end_position_exclusive(m: pytest.MonkeyPatch) -> None:
    whole = qa_features.answer_tokens
    def exclusive(q: Any, starts: Any, ends: Any) -> tuple[int, int]:
        first, last = whole(q, starts, ends)
        return first, last + bool(last)
    swap(m, whole, exclusive)


def empty_gold_scored_as_wrong(m: pytest.MonkeyPatch) -> None:
    whole = qa.answer_f1
    swap(m, whole, lambda predicted, references: whole(predicted, references) if references else 0.0)


def one_reference_only(m: pytest.MonkeyPatch) -> None:
    whole = qa.answer_f1
    swap(m, whole, lambda predicted, references: whole(predicted, list(references)[:1]))


# ---- data and training ----------------------------------------------------------
def split_leaking(m: pytest.MonkeyPatch) -> None:
    """Sentences of one document fall into different parts."""
    whole = corpora._by_document
    swap(m, whole, lambda records, documents: whole(records, [f"{d}{i}" for i, d in enumerate(documents)]))


def twins_of_one_part_only(m: pytest.MonkeyPatch) -> None:
    whole = leakage.find_twins
    swap(m, whole, lambda parts, threshold=0.5: whole({k: v for k, v in parts.items() if k == "train"}, threshold))


def seed_ignored(m: pytest.MonkeyPatch) -> None:
    """Dropout, head and order of rows come from a constant somebody left in."""
    whole, order = seeds.set_seed, batching.length_grouped_batches
    swap(m, whole, lambda seed: whole(42))
    swap(m, order, lambda lengths, batch_size, *, seed, epoch: order(lengths, batch_size, seed=42, epoch=epoch))


def head_before_seed(m: pytest.MonkeyPatch) -> None:
    """The new head is drawn from whatever state the generator is in."""
    swap(m, seeds.set_seed, lambda seed: None)


def order_ignores_the_epoch(m: pytest.MonkeyPatch) -> None:
    whole = batching.length_grouped_batches
    swap(m, whole, lambda lengths, batch_size, *, seed, epoch: whole(lengths, batch_size, seed=seed, epoch=0))


def last_rows_dropped(m: pytest.MonkeyPatch) -> None:
    """``drop_last=True`` where nobody asked for it."""
    whole = batching.length_grouped_batches
    swap(m, whole, lambda lengths, batch_size, **more: [b for b in whole(lengths, batch_size, **more) if len(b) == batch_size])


def decay_on_biases(m: pytest.MonkeyPatch) -> None:
    whole = optimizer.build_optimizer
    def everywhere(model: Any, config: Any) -> Any:
        result = whole(model, config)
        for group in result.param_groups:
            group["weight_decay"] = config.weight_decay
        return result
    swap(m, whole, everywhere)


def pull_without_its_factor_two(m: pytest.MonkeyPatch) -> None:
    whole = optimizer.Pull.add_gradient
    def half(self: optimizer.Pull) -> None:
        self.strength /= 2
        whole(self)
        self.strength *= 2
    m.setattr(optimizer.Pull, "add_gradient", half)


def warm_up_that_starts_at_zero(m: pytest.MonkeyPatch) -> None:
    whole = optimizer.linear_schedule
    swap(m, whole, lambda step, steps, warmup: whole(step - 1, steps, warmup) if step else 0.0)


def last_epoch_instead_of_best(m: pytest.MonkeyPatch) -> None:
    whole = state.BestWeights.offer
    m.setattr(state.BestWeights, "offer", lambda self, model, epoch, row: whole(self, model, epoch, {}))


def random_state_not_resumed(m: pytest.MonkeyPatch) -> None:
    m.setattr(state.torch, "set_rng_state", lambda _state: None)


def optimizer_state_not_resumed(m: pytest.MonkeyPatch) -> None:
    whole = state.ResumeFile.load
    def forgetful(self: Any, model: Any, optimizer: Any, *rest: Any) -> Any:
        result = whole(self, model, optimizer, *rest)
        getattr(optimizer, "optimizer", optimizer).state.clear()
        return result
    m.setattr(state.ResumeFile, "load", forgetful)


def best_weights_share_memory_with_the_model(m: pytest.MonkeyPatch) -> None:
    """``state_dict()`` without a copy: the "best" weights go on changing."""
    whole = state.BestWeights.offer
    def shared(self: Any, model: Any, epoch: int, row: Any) -> None:
        before = self.epoch
        whole(self, model, epoch, row)
        if self.epoch != before:
            self.weights = dict(model.state_dict())
    m.setattr(state.BestWeights, "offer", shared)


MUTANTS: dict[Patch, Callable[..., Any]] = {
    labels_shifted_by_one: test_ner_features.test_labels_stand_on_first_pieces,
    padding_as_o: test_training.test_padding_and_special_tokens_take_no_part_in_the_loss,
    special_tokens_as_o: test_ner_features.test_every_real_label_is_a_word,
    b_copied_to_all_pieces: test_ner_features.test_continued_entity_has_one_b_and_then_i,
    windows_cut_without_overlap: partial(test_ner_features.test_no_gold_span_is_lost_to_the_cut, seed=0),
    cut_spans_taught_as_entities: partial(test_ner_features.test_a_cut_span_is_ignored_where_it_is_cut, seed=1),
    words_spoken_for_twice: partial(test_ner_features.test_each_word_is_spoken_for_exactly_once, seed=0),
    mean_of_batch_means: test_training.test_loss_and_gradient_do_not_depend_on_the_split,
    predicted_and_gold_swapped: test_evaluation_ner.test_precision_and_recall_are_not_exchanged,
    report_with_predicted_and_gold_swapped: test_evaluation_ner.test_counts_by_hand,
    entities_glued_together: partial(test_evaluation_ner.test_parity_with_seqeval, seed=0, strict=True),
    overlap_is_good_enough: test_evaluation_ner.test_one_character_off_is_wrong,
    sentences_resampled_instead_of_documents: test_evaluation_ner.test_report_resamples_documents_where_they_are_known,
    unpaired_comparison: test_evaluation_ner.test_paired_interval_of_equal_systems_is_zero_and_of_a_better_one_above,
    start_after_end_allowed: test_evaluation_qa.test_end_never_comes_before_start,
    answers_found_in_the_question: test_evaluation_qa.test_answers_lie_inside_the_passage,
    length_cap_forgotten: test_evaluation_qa.test_length_is_capped,
    largest_null_score: test_evaluation_qa.test_null_score_is_the_smallest_over_windows,
    threshold_direction_flipped: test_evaluation_qa.test_no_answer_wins_above_the_threshold_only,
    answer_offset_by_str_find: test_qa_features.test_the_annotated_occurrence_is_the_one_that_is_learned,
    end_position_exclusive: test_qa_features.test_offsets_cut_the_answer_out_of_the_passage,
    empty_gold_scored_as_wrong: test_evaluation_qa.test_report_by_hand,
    one_reference_only: partial(
        test_evaluation_qa.test_exact_match_and_f1_by_hand, predicted="bank", references=["fund", "bank"], exact=1, f1=1),
    split_leaking: test_corpora.test_one_file_is_split_by_document,
    twins_of_one_part_only: test_leakage.test_exact_and_near_twins_across_parts,
    seed_ignored: test_training.test_same_seed_same_numbers,
    head_before_seed: test_models.test_head_is_fixed_by_the_seed_alone,
    order_ignores_the_epoch: test_training.test_epochs_see_other_batches_of_the_same_rows,
    last_rows_dropped: partial(test_batching.test_every_row_once, rows=10, batch_size=4),
    decay_on_biases: test_training.test_no_decay_on_vectors,
    pull_without_its_factor_two: test_training.test_pull_gradient_is_autograds,
    warm_up_that_starts_at_zero: test_training.test_schedule_by_hand,
    last_epoch_instead_of_best: test_training.test_best_weights_are_restored,
    random_state_not_resumed: partial(test_training.test_resume_gives_the_weights_of_an_uninterrupted_run, at=8),
    optimizer_state_not_resumed: partial(test_training.test_resume_gives_the_weights_of_an_uninterrupted_run, at=8),
    best_weights_share_memory_with_the_model: test_training.test_best_weights_are_restored,
}


def run_check(check: Callable[..., Any], request: pytest.FixtureRequest) -> None:
    """Call a test function with the fixtures it names."""
    given = check.keywords if isinstance(check, partial) else {}
    wanted = [name for name in inspect.signature(check).parameters if name not in given]
    check(**{name: request.getfixturevalue(name) for name in wanted})


@pytest.mark.usefixtures("tiny", "tokenizer")  # made before the bug is: they last for the session
@pytest.mark.parametrize("patch", MUTANTS, ids=lambda p: p.__name__)
def test_mutant_is_caught(patch: Patch, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as bug:
        patch(bug)
        with pytest.raises((AssertionError, CourseError, pytest.fail.Exception)):
            run_check(MUTANTS[patch], request)


@pytest.mark.parametrize("patch", MUTANTS, ids=lambda p: p.__name__)
def test_its_check_passes_without_it(patch: Patch, request: pytest.FixtureRequest):
    run_check(MUTANTS[patch], request)


def test_there_are_enough_mutants_each_with_a_name():
    assert len(MUTANTS) >= 12
    assert all(getattr(check, "func", check).__name__.startswith("test_") for check in MUTANTS.values())
