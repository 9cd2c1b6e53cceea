"""TF-IDF picks the sentence, a rule picks the piece of it that fits the question word."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from course_lib.data.records import Question

_SENTENCE = re.compile(r"\S.*?(?:[.?!](?=\s)|\n|$)", re.DOTALL)
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
DATE = re.compile(rf"(?:\d{{1,2}} )?{_MONTH}(?: \d{{1,2}},)?(?: \d{{4}})?|\b(?:19|20)\d\d\b")
AMOUNT = re.compile(
    r"(?:(?:[£$€¥]|\b[A-Z]{3} )\s?\d[\d,.]*\d?|\b\d[\d,.]*\d?|\b\d)"
    r"(?:\s?(?:%|p\b|per cent|percent|million|billion|bn\b|m\b|basis points|points|days|months|years|weeks|hours))*"
)
NAME = re.compile(r"\b[A-Z][\w'&-]+(?:\s+(?:of|and|&)?\s*[A-Z][\w'&-]+)*")
_WHEN = re.compile(r"\b(when|date|until|which year|what year|what month|falls? due)\b", re.I)
_MANY = re.compile(
    r"\b(how (?:much|many|large|big|high|long|far)|what (?:percentage|share|rate|proportion|amount|figure|price|fee)"
    r"|by how|at what)\b", re.I
)
_WHY = re.compile(r"\b(why|what caused|reason|what explains|because of what)\b", re.I)
_CAUSE = re.compile(
    r"\b(?:because of|because|owing to|due to|thanks to|after|as a result of|driven by|reflecting|following)"
    r"\s+(.+?)(?:[,;.]|$)", re.I
)


class SentenceRule:
    """A baseline that knows grammar words, but no meaning."""

    def __init__(self, questions: Iterable[Question]) -> None:
        texts = list(dict.fromkeys(q.context for q in questions))
        self.vectorizer = TfidfVectorizer(sublinear_tf=True, stop_words="english", ngram_range=(1, 2)).fit(texts)

    def predict(self, question: Question) -> str:
        """Return an answer text; always one (it cannot tell that there is none)."""
        sentences = [m.group().strip() for m in _SENTENCE.finditer(question.context)]
        matrix = self.vectorizer.transform([*sentences, question.question])
        similarity = (matrix[:-1] @ matrix[-1].T).toarray().ravel()
        for index in np.argsort(-similarity, kind="stable"):
            piece = pick(question.question, sentences[int(index)])
            if piece:
                return piece
        return sentences[int(np.argmax(similarity))]


def pick(question: str, sentence: str) -> str:
    """Return the date, figure, cause or name of a sentence that the question asks for."""
    if _WHEN.search(question):
        return _first(DATE, sentence)
    if _MANY.search(question):
        return _first(AMOUNT, DATE.sub(lambda m: " " * len(m.group()), sentence))
    if _WHY.search(question):
        cause = _CAUSE.search(sentence)
        return cause.group(1) if cause else ""
    known = {w.casefold() for w in re.findall(r"\w+", question)}
    names = [m.group() for m in NAME.finditer(sentence) if m.start() and not {w.casefold() for w in m.group().split()} <= known]
    return names[0] if names else ""


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found.group().strip() if found else ""
