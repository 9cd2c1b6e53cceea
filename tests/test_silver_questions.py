"""The silver questions: reproducible, answered where they say, unanswerable where they say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from course_lib.data import silver_grammar
from course_lib.data.records import Question
from course_lib.data.silver_questions import Passage, frame_texts, generate_questions, tell_passage
from course_lib.errors import DataError

PLACEHOLDER = re.compile(r"[{}\[\]|]")
SHAPES = {
    "money": r"\D{1,4}[\d,.]+( (million|billion))?",
    "percent": r"[\d.]+(%| basis points| percentage points)",
    "count": r"[\d,]+",
    "ratio": r"[\d.]+ times",
}


@pytest.fixture(scope="module")
def rules() -> dict[str, Any]:
    return silver_grammar.load_grammar()


@pytest.fixture(scope="module")
def passages(rules: dict[str, Any]) -> list[Passage]:
    return [tell_passage(rules, 3, number) for number in range(1, 151)]


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    return generate_questions(600, seed=3)


def write(folder: Path, rules: dict[str, Any]) -> Path:
    path = folder / "generator.json"
    path.write_text(json.dumps(rules), encoding="utf-8")
    return path


def test_same_seed_gives_same_questions(questions: list[Question]) -> None:
    assert generate_questions(120, seed=3) == questions[:120]
    assert len(questions) == len({question.id for question in questions}) == 600


def test_other_seed_gives_other_passages(questions: list[Question]) -> None:
    other = {question.context for question in generate_questions(120, seed=4)}
    assert other.isdisjoint(question.context for question in questions)


def test_no_questions_for_a_count_of_zero() -> None:
    assert generate_questions(0) == []


def test_records_are_silver_and_grouped_by_passage(questions: list[Question]) -> None:
    assert all(question.silver and question.title and question.kind for question in questions)
    assert questions[0].id == "silver-3-00001-q1" and questions[0].document == "silver-3-00001"
    assert len({question.context for question in questions}) == len({q.document for q in questions})
    assert {question.kind for question in questions} == {
        "earnings", "notes_to_accounts", "product_terms", "faq", "risk", "fund_factsheet",
    }  # fmt: skip


def test_passages_have_the_promised_size(passages: list[Passage]) -> None:
    words = [len(passage.text.split()) for passage in passages]
    assert min(words) >= 50 and max(words) <= 130
    assert all(4 <= len(re.findall(r"[.!](?=\s|$)", passage.text)) <= 8 for passage in passages)


def test_no_placeholder_is_left(questions: list[Question]) -> None:
    for question in questions:
        assert not PLACEHOLDER.search(question.question + question.context + question.title)
        assert question.question[-1] in "?." and question.question[0] == question.question[0].upper()
        assert "  " not in question.context + question.question


def test_answers_stand_at_their_offsets_and_have_their_kind(passages: list[Passage]) -> None:
    for passage in passages:
        told = {piece.fact["id"]: piece for piece in passage.told}
        for asked in passage.asked:
            if asked.place:
                value = told[asked.fact].values[asked.slot]
                answer = passage.text[asked.place[0] : asked.place[1]]
                assert answer.casefold() == value.text.casefold()
                assert re.fullmatch(SHAPES.get(value.family, ".+"), answer), (value.family, answer)


def test_an_answer_is_the_occurrence_in_its_own_fact(passages: list[Passage]) -> None:
    for passage in passages:
        for asked in passage.asked:
            if asked.place:
                piece = next(piece for piece in passage.told if piece.fact["id"] == asked.fact)
                start = passage.text.index(piece.text)
                assert start <= asked.place[0] and asked.place[1] <= start + len(piece.text)


def test_values_of_a_passage_differ(passages: list[Passage]) -> None:
    for passage in passages:
        texts = [piece.values[slot].text for piece in passage.told for slot in piece.places]
        assert len(texts) == len(set(texts)), passage.text


def test_facts_of_a_passage_have_different_topics(passages: list[Passage]) -> None:
    for passage in passages:
        topics = [topic for piece in passage.told for topic in piece.fact["topics"]]
        assert len(topics) == len(set(topics))


def test_one_in_five_has_no_answer(questions: list[Question]) -> None:
    share = sum(not question.is_answerable for question in questions) / len(questions)
    assert 0.16 < share < 0.24


def test_unanswerable_questions_ask_what_the_passage_leaves_out(passages: list[Passage], rules: dict[str, Any]) -> None:
    facts = {fact["id"]: fact for fact in rules["facts"]}
    gaps = set()
    for passage in passages:
        told = {piece.fact["id"]: piece for piece in passage.told}
        topics = {topic for piece in passage.told for topic in piece.fact["topics"]}
        for asked in (asked for asked in passage.asked if not asked.place):
            gaps.add(asked.gap)
            if asked.gap == "omitted":
                assert asked.slot not in told[asked.fact].places
            elif asked.gap == "other fact":
                assert topics.isdisjoint(facts[asked.fact]["topics"])
            else:
                _assert_names_a_stranger(told[asked.fact], asked.text)
    assert gaps == {"omitted", "other fact", "exchanged name"}


def _assert_names_a_stranger(piece: silver_grammar.Told, question: str) -> None:
    """The question must not name the values the fact told under the exchanged slots."""
    wordings = [wording for texts in piece.fact["questions"].values() for wording in texts]
    slots = {slot for wording in wordings for slot, _ in silver_grammar.SLOT.findall(wording)}
    names = [piece.values[slot] for slot in slots if slot in piece.places and not piece.values[slot].number]
    for value in names:
        for name in value.aliases or (value.text,):
            assert not re.search(rf"\b{re.escape(name)}\b", question)


def test_a_tempting_value_of_the_same_kind_is_there(passages: list[Passage], rules: dict[str, Any]) -> None:
    facts = {fact["id"]: fact for fact in rules["facts"]}
    for passage in passages:
        families = {piece.values[slot].family for piece in passage.told for slot in piece.places}
        for asked in (asked for asked in passage.asked if asked.gap in {"omitted", "other fact"}):
            kind = facts[asked.fact]["values"][asked.slot].split()[0]
            kinds = {**rules["economies"][0]["kinds"], **rules["kinds"]}
            assert kinds[kind]["family"] in families


def test_the_grammar_is_rich_enough(rules: dict[str, Any]) -> None:
    assert len(rules["facts"]) >= 60
    for fact in rules["facts"]:
        assert len(fact["frames"]) >= 4, fact["id"]
        assert all(_wordings(texts) >= 6 for texts in fact["questions"].values()), fact["id"]
    assert set(rules["facts"][0]["frames"]) <= set(frame_texts())


def _wordings(texts: list[str]) -> int:
    """Count wordings with their alternatives."""
    count = 0
    for text in texts:
        ways = 1
        for choice in re.findall(r"\[([^\]]*)\]", text):
            ways *= len(choice.split("|"))
        count += ways
    return count


def test_each_slot_is_told_by_some_frame(rules: dict[str, Any]) -> None:
    for fact in rules["facts"]:
        told = {slot for frame in fact["frames"] for slot, _ in silver_grammar.SLOT.findall(frame)}
        assert set(fact["questions"]) <= told, fact["id"]


def test_missing_grammar_is_explained(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected a JSON file.*found.*Restore it"):
        generate_questions(1, grammar=tmp_path / "none.json")


def test_grammar_without_a_part_is_explained(tmp_path: Path, rules: dict[str, Any]) -> None:
    path = write(tmp_path, {part: rules[part] for part in rules if part != "kinds"})
    with pytest.raises(DataError, match="found no 'kinds'"):
        frame_texts(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": ["Sales were {nwo}."]}, "slot: expected one of .*found 'nwo'.*Did you mean 'now'"),
        ({"questions": {"then": ["When?"]}}, "slot: expected one of .*found 'then'"),
        ({"values": {"now": "mony_m"}}, "kind: expected one of .*found 'mony_m'"),
        ({"values": {"now": "money_m < befor"}}, "value: expected one of .*found 'befor'"),
    ],
)
def test_wrong_facts_are_explained(tmp_path: Path, rules: dict[str, Any], change: dict[str, Any], message: str) -> None:
    fact = {"id": "broken", "genres": ["E"], "topics": ["t"], "values": {"now": "money_m"}, "questions": {}}
    broken = {**fact, "frames": ["Sales were {now}."], **change}
    path = write(tmp_path, {**rules, "facts": [*rules["facts"], broken]})
    with pytest.raises(DataError, match=message):
        generate_questions(1, grammar=path)


def test_data_folder_of_the_environment_is_used(tmp_path: Path, rules: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "finance_qa").mkdir()
    write(tmp_path / "finance_qa", {**rules, "fillers": [], "facts": rules["facts"][:1]})
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    assert frame_texts() == rules["facts"][0]["frames"]
