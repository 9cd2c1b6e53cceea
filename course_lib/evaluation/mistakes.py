"""The same predictions, scored in ways that are common and wrong.

Notebooks 02 and 03 lay these beside the right scores. Nothing else in the
package may import this module. Each function says what it gets wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from sklearn.metrics import f1_score
from transformers import PreTrainedTokenizerBase

from course_lib.data.labels import IGNORE_INDEX, LabelSet
from course_lib.data.ner_features import NerFeatures, word_of_pieces
from course_lib.data.records import Note, Question, Span, find_words
from course_lib.evaluation.ner import Prf, count_rows, word_tags
from course_lib.evaluation.qa import Decoded, Window, answer_f1, answer_text

Predictions = Sequence[Sequence[Span]]
_SENTENCE = re.compile(r"\S.*?(?:[.?!](?=\s)|\n|$)", re.DOTALL)


# ---- entities -----------------------------------------------------------------
def token_f1_with_o(notes: Sequence[Note], predictions: Predictions) -> float:
    """Weighted F1 over word tags with ``O`` as a class: most words are ``O``, and easy."""
    gold = [tag for n in notes for tag in word_tags(n, n.spans)]
    own = [tag for n, p in zip(notes, predictions, strict=True) for tag in word_tags(n, p)]
    return float(f1_score(gold, own, average="weighted", zero_division=0))


def one_token_sequences(notes: Sequence[Note], predictions: Predictions) -> Prf:
    """Each word as a sequence of its own: half an entity counts as half right."""
    correct = predicted = gold = 0
    for note, own in zip(notes, predictions, strict=True):
        pairs = [(g[2:], p[2:]) for g, p in zip(word_tags(note, note.spans), word_tags(note, own), strict=True)]
        correct += sum(bool(g) and g == p for g, p in pairs)
        predicted += sum(bool(p) for _, p in pairs)
        gold += sum(bool(g) for g, _ in pairs)
    return Prf(correct, predicted, gold)


def copied_b_on_pieces(notes: Sequence[Note], predictions: Predictions, tokenizer: PreTrainedTokenizerBase) -> Prf:
    """``B-`` copied to every piece of its word: long names count many times."""
    totals = np.zeros(3, dtype=int)
    for note, own in zip(notes, predictions, strict=True):
        offsets = tokenizer(note.text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        words = [w for w in word_of_pieces(note.words or (), offsets) if w >= 0]
        gold_set = _entities([word_tags(note, note.spans)[w] for w in words])
        own_set = _entities([word_tags(note, own)[w] for w in words])
        totals += [len(gold_set & own_set), len(own_set), len(gold_set)]
    return Prf(*(int(t) for t in totals))


def _entities(tags: Sequence[str]) -> set[tuple[int, int, str]]:
    found, start = set(), -1
    for i, tag in enumerate([*tags, "O"]):
        if start >= 0 and not (tag.startswith("I-") and tag[2:] == tags[start][2:]):
            found.add((start, i, tags[start][2:]))
            start = -1
        if tag != "O" and start < 0:
            start = i
    return found


def truncated(notes: Sequence[Note], predictions: Predictions, tokenizer: PreTrainedTokenizerBase, limit: int) -> tuple[Prf, int]:
    """Score only what the first ``limit`` pieces hold; return also the gold entities that vanished."""
    cut_notes, cut_predictions, lost = [], [], 0
    for note, own in zip(notes, predictions, strict=True):
        offsets = tokenizer(note.text, return_offsets_mapping=True)["offset_mapping"][: limit - 1]
        end = max(stop for _, stop in offsets)
        kept = tuple(s for s in note.spans if s.end <= end)
        lost += len(note.spans) - len(kept)
        cut_notes.append(Note(note.id, note.text, kept, words=note.words))
        cut_predictions.append([s for s in own if s.end <= end])
    return Prf(*(int(v) for v in count_rows(cut_notes, cut_predictions).sum(axis=0))), lost


def labels_by_position(notes: Sequence[Note], tokenizer: PreTrainedTokenizerBase) -> float:
    """Share of entity words that get their own tag if word tags are laid on pieces one by one.

    The list of tags is as long as the words, the list of pieces is longer, and
    the first piece is [CLS]: after the first split word all labels are beside
    their words.
    """
    right = total = 0
    for note in notes:
        offsets = tokenizer(note.text, return_offsets_mapping=True)["offset_mapping"]
        words = word_of_pieces(note.words or (), offsets)
        tags = word_tags(note, note.spans)
        for word, tag in enumerate(tags):
            if tag != "O":
                total += 1
                first_piece = words.index(word) if word in words else -1
                right += 0 <= first_piece < len(tags) and tags[first_piece] == tag
    return right / max(1, total)


def spans_after_cleaning(notes: Sequence[Note], stop_words: frozenset[str]) -> float:
    """Share of spans that still point at their text once stop words and punctuation are removed."""
    right = total = 0
    for note in notes:
        kept = [note.text[s:e] for s, e in find_words(note.text) if note.text[s:e].isalnum()]
        cleaned = " ".join(word for word in kept if word.casefold() not in stop_words)
        right += sum(cleaned[s.start : s.end] == note.surface(s) for s in note.spans)
        total += len(note.spans)
    return right / max(1, total)


def trained_as_o(features: NerFeatures, tokenizer: PreTrainedTokenizerBase, batch_size: int) -> float:
    """Share of the loss that would be padding and special tokens, called ``O``, if they were not ignored.

    Rows are batched as they stand and padded to the longest of their batch.
    """
    lengths = [int(length) for length in features.dataset["length"]]
    batches = [lengths[i : i + batch_size] for i in range(0, len(lengths), batch_size)]
    padding = sum(max(batch) * len(batch) - sum(batch) for batch in batches)
    nothing = padding + len(lengths) * tokenizer.num_special_tokens_to_add()
    real = sum(label != IGNORE_INDEX for row in features.dataset["labels"] for label in row)
    return nothing / max(1, nothing + real)


def free_argmax(
    notes: Sequence[Note], probabilities: Sequence[np.ndarray], labels: LabelSet
) -> tuple[int, list[list[Span]], list[list[Span]]]:
    """The likeliest tag of each word by itself, as most code does it.

    Returns how many ``I-X`` continue no X, the spans if each of these opens an
    entity (lenient, seqeval's default), and the spans if it is thrown away
    (strict). The same output has two scores, and few papers say which.
    """
    orphans, lenient, strict = 0, [], []
    for note, own in zip(notes, probabilities, strict=True):
        tags = [labels.tags[i] for i in own.argmax(axis=1)]
        orphans += sum(tag[0] == "I" and tag[2:] != before[2:] for before, tag in zip(["O", *tags], tags, strict=False))
        spans = labels.spans_of([labels.label2id[tag] for tag in tags], note.words or ())
        opened = {start for (start, _), tag in zip(note.words or (), tags, strict=True) if tag[0] == "B"}
        lenient.append(spans)
        strict.append([s for s in spans if s.start in opened])
    return orphans, lenient, strict


def sentence_split(notes: Sequence[Note], train_share: float, test_share: float, draws: int = 5) -> tuple[float, float, float]:
    """Divide the *sentences* of documents at random, as a careless split does, beside documents at random.

    Returns the share of test sentences with a sentence of the same document in
    training, and the share of test mentions whose name is marked in training,
    divided by sentence and divided by document. Means over some draws.
    """
    sentences = [[s] for note in notes for s in _sentences(note)]
    documents: dict[str, list[Note]] = {}
    for note in notes:
        documents.setdefault(str(note.document), []).append(note)
    found = []
    for draw in range(draws):
        rng = np.random.default_rng(draw)
        train, test = _divide(sentences, train_share, test_share, rng)
        inside = {s.document for s in train}
        whole = _divide(list(documents.values()), train_share, test_share, rng)
        found.append((sum(s.document in inside for s in test) / len(test), _known(train, test), _known(*whole)))
    siblings, by_sentence, by_document = np.mean(found, axis=0)
    return float(siblings), float(by_sentence), float(by_document)


def _divide(units: Sequence[list[Note]], train_share: float, test_share: float, rng: np.random.Generator) -> list[list[Note]]:
    order = rng.permutation(len(units))
    test, train = order[: max(1, round(test_share * len(order)))], order[len(order) - round(train_share * len(order)) :]
    return [[n for i in part for n in units[i]] for part in (train, test)]


def _known(train: Sequence[Note], test: Sequence[Note]) -> float:
    names = {n.surface(s).casefold() for n in train for s in n.spans}
    mentions = [n.surface(s).casefold() for n in test for s in n.spans]
    return sum(m in names for m in mentions) / max(1, len(mentions))


def _sentences(note: Note) -> list[Note]:
    """Cut a note at sentence ends and line breaks, but never through a span."""
    ends = [m.end() for m in _SENTENCE.finditer(note.text)][:-1]
    ends = [*(e for e in ends if not any(s.start < e < s.end for s in note.spans)), len(note.text)]
    starts = [0, *ends[:-1]]
    return [
        Note(f"{note.id}-{start}", note.text[start:end], tuple(Span(s.start - start, s.end - start, s.label)
             for s in note.spans if start <= s.start < end), document=note.document)
        for start, end in zip(starts, ends, strict=True)
    ]


# ---- answers ------------------------------------------------------------------
def two_argmaxes(question: Question, windows: Sequence[Window]) -> tuple[str, bool]:
    """Start and end chosen apart, anywhere; return the text and whether it is a span of the passage at all."""
    best = max(windows, key=lambda w: float(w.start_logits.max() + w.end_logits.max()))
    first, last = int(best.start_logits.argmax()), int(best.end_logits.argmax())
    start, end = int(best.offset_start[first]), int(best.offset_end[last])
    valid = start >= 0 and end > start
    return (question.context[start:end] if valid else ""), valid or (first == last == 0)


def largest_null(windows: Sequence[Window]) -> float:
    """The null score of the window that is surest of no answer: one empty window vetoes all others."""
    return max(float(w.start_logits[0] + w.end_logits[0]) for w in windows)


def found_elsewhere(questions: Sequence[Question]) -> float:
    """Share of answers for which ``str.find`` gives another place than the marked one."""
    answers = [(q, a) for q in questions for a in q.answers[:1]]
    return sum(q.context.find(a.text) != a.start for q, a in answers) / max(1, len(answers))


def lost_by_truncation(questions: Sequence[Question], tokenizer: PreTrainedTokenizerBase, limit: int) -> float:
    """Share of answers that do not fit into the first ``limit`` pieces of question and passage."""
    answerable = [q for q in questions if q.is_answerable]
    lost = 0
    for q in answerable:
        encoded = tokenizer(q.question, q.context, truncation="only_second", max_length=limit, return_offsets_mapping=True)
        inside = [o for o, part in zip(encoded["offset_mapping"], encoded.sequence_ids(0), strict=True) if part == 1]
        lost += q.answers[0].start + len(q.answers[0].text) > max(end for _, end in inside)
    return lost / max(1, len(answerable))


def f1_on_answerable_only(questions: Sequence[Question], predictions: Sequence[str]) -> float:
    """Mean F1 over answerable questions: what many tables show, silent about invented answers."""
    scores = [answer_f1(p, [a.text for a in q.answers]) for q, p in zip(questions, predictions, strict=True) if q.is_answerable]
    return float(np.mean(scores)) if scores else 0.0


def end_exclusive(question: Question, decoded: Decoded, windows: Sequence[Window], threshold: float) -> str:
    """The same answer if the end position, which counts the last piece in, is taken for one behind it."""
    if not answer_text(question, decoded, threshold):
        return ""
    best = decoded.candidates[0]
    pieces = {(int(s), int(e)) for w in windows for s, e in zip(w.offset_start, w.offset_end, strict=True)}
    ends = sorted(end for start, end in pieces if best.start <= start and end <= best.end)
    return question.context[best.start : ends[-2]] if len(ends) > 1 else ""


def longer_than(questions: Sequence[Question], tokenizer: PreTrainedTokenizerBase, limit: int) -> float:
    """Share of answers of more than ``limit`` pieces: a length cap of so many can never give them."""
    answers = [q.answers[0].text for q in questions if q.is_answerable]
    sizes = [len(ids) for ids in tokenizer(answers, add_special_tokens=False)["input_ids"]] if answers else []
    return sum(size > limit for size in sizes) / max(1, len(sizes))


def f1_without_empty_rule(questions: Sequence[Question], predictions: Sequence[str]) -> float:
    """Mean F1 by shared words alone: rightly saying nothing shares no word, and gets 0."""
    pairs = zip(questions, predictions, strict=True)
    return float(np.mean([answer_f1(p, [a.text for a in q.answers]) if p and q.answers else 0.0 for q, p in pairs]))
