"""The classic mistakes in one list: what each does to the numbers, and the test that keeps our code from it.

Notebooks 01 to 03 measure the effects on their own data and predictions and
leave them in their metrics; ``course_lib.publish`` writes the table into the README.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NOT_YET = "not measured yet"


@dataclass(frozen=True)
class Mistake:
    """One mistake: ``effect`` is a format string over the metrics of ``notebook``; ``test`` is ``file::function``."""

    title: str
    notebook: str
    effect: str
    test: str

    @property
    def keys(self) -> list[str]:
        """The metrics that the effect is written from."""
        return [name for _, name, _, _ in string.Formatter().parse(self.effect) if name]

    def measured(self, metrics: Mapping[str, Any]) -> str:
        """Return the effect in words and numbers, or what to type while it has not been measured."""
        return self.effect.format(**metrics) if all(key in metrics for key in self.keys) else NOT_YET


_LOSS, _NER, _QA = "01_loss_math", "02_medical_ner", "03_finance_qa"
_RIGHT_F1, _RIGHT_QA = "entity F1 {mistake_strict_f1:.3f} reads ", "F1 {mistake_right_f1:.3f} becomes "

MISTAKES: tuple[Mistake, ...] = (
    Mistake("loss averaged over batches of unequal size", _LOSS, "loss off by up to {mean_of_means_error:.1%}",
            "test_training.py::test_loss_and_gradient_do_not_depend_on_the_split"),
    Mistake("word labels laid on pieces by position", _NER, "{mistake_labels_by_position:.0%} of words in names keep their tag",
            "test_ner_features.py::test_labels_stand_on_first_pieces"),
    Mistake("stop words and punctuation removed first", _NER, "{mistake_stop_words:.0%} of the marks still point at their name",
            "test_ner_features.py::test_labels_read_back_as_the_gold_spans"),
    Mistake("padding and special tokens trained as `O`", _NER, "{mistake_padding_as_o:.0%} of the loss is about nothing",
            "test_training.py::test_padding_and_special_tokens_take_no_part_in_the_loss"),
    Mistake("words without any piece forgotten", _NER, "{mistake_words_without_pieces} words, each moving all labels behind it",
            "test_ner_features.py::test_words_without_pieces_are_counted"),
    Mistake("`B-` copied to every piece of a word", _NER, _RIGHT_F1 + "{mistake_copied_b_f1:.3f}",
            "test_mistakes.py::test_copied_b_counts_each_piece_as_an_entity"),
    Mistake("each word scored as a sequence of its own", _NER, _RIGHT_F1 + "{mistake_one_token_f1:.3f}",
            "test_mistakes.py::test_one_token_sequences_reward_half_an_entity"),
    Mistake("token F1 or token accuracy, `O` included", _NER,
            _RIGHT_F1 + "{mistake_token_f1_with_o:.3f} or {mistake_token_accuracy:.3f}; finding nothing at all reads "
            "{mistake_nothing_token_accuracy:.3f}",
            "test_evaluation_ner.py::test_token_accuracy_hides_what_entity_scores_show"),
    Mistake("long texts cut off at 64 pieces, also in the test", _NER,
            "{mistake_truncation_64_lost:.0%} of the gold names gone, F1 on the rest {mistake_truncation_64_f1:.3f}",
            "test_ner_features.py::test_no_gold_span_is_lost_to_the_cut"),
    Mistake("gold and predictions exchanged", _NER, "precision {mistake_exchanged_right:.3f} reads {mistake_exchanged_wrong:.3f}",
            "test_evaluation_ner.py::test_precision_and_recall_are_not_exchanged"),
    Mistake("`I-` without `B-`, read one way or the other", _NER,
            "{mistake_orphan_tags} such tags; F1 {mistake_argmax_lenient_f1:.3f} or {mistake_argmax_strict_f1:.3f}",
            "test_mistakes.py::test_our_decoder_leaves_no_i_without_b"),
    Mistake("sentences of one document divided at random", _NER,
            "{mistake_split_siblings:.0%} of test sentences have a sister in training; known names {mistake_split_known:.1%}, by "
            "document {mistake_split_known_right:.1%}",
            "test_corpora.py::test_one_file_is_split_by_document"),
    Mistake("start and end chosen by two free argmaxes", _QA,
            "no span in {mistake_free_argmax_broken:.1%}; F1 on answerable questions {mistake_joint_f1:.3f} becomes "
            "{mistake_free_argmax_f1:.3f}",
            "test_evaluation_qa.py::test_end_never_comes_before_start"),
    Mistake("largest null score over windows kept", _QA, _RIGHT_QA + "{mistake_largest_null_f1:.3f}",
            "test_evaluation_qa.py::test_null_score_is_the_smallest_over_windows"),
    Mistake("no-answer threshold left at 0", _QA, _RIGHT_QA + "{mistake_threshold_zero_f1:.3f}",
            "test_evaluation_qa.py::test_no_threshold_does_better"),
    Mistake("threshold chosen on the test part", _QA, _RIGHT_QA + "{mistake_threshold_on_test_f1:.3f}",
            "test_mistakes.py::test_notebooks_choose_on_validation_only"),
    Mistake("passages cut off at 128 pieces", _QA, "{mistake_truncation_128_lost:.0%} of the training answers gone",
            "test_qa_features.py::test_windows_cover_the_passage_and_overlap"),
    Mistake("answers located with `str.find`", _QA, "{mistake_str_find:.1%} of the training answers labelled elsewhere",
            "test_qa_features.py::test_the_annotated_occurrence_is_the_one_that_is_learned"),
    Mistake("all windows without the answer trained on", _QA, "{mistake_empty_windows:.0%} of the windows say only \"not here\"",
            "test_qa_features.py::test_dropped_windows_are_counted"),
    Mistake("end position read as exclusive", _QA, _RIGHT_QA + "{mistake_end_exclusive_f1:.3f}",
            "test_qa_features.py::test_offsets_cut_the_answer_out_of_the_passage"),
    Mistake("answers capped at 30 pieces", _QA, "{mistake_length_cap:.1%} of the training answers are longer",
            "test_mistakes.py::test_a_longer_answer_needs_a_longer_cap"),
    Mistake("an empty answer to an unanswerable question scored 0", _QA, _RIGHT_QA + "{mistake_empty_rule_f1:.3f}",
            "test_evaluation_qa.py::test_exact_match_and_f1_by_hand"),
    Mistake("answerable questions only, silence forbidden", _QA, _RIGHT_QA + "{mistake_answerable_only_f1:.3f}",
            "test_evaluation_qa.py::test_report_by_hand"),
)
