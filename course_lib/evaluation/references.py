"""Published test scores to lay beside ours, each with its source and what keeps it from being comparable.

Only figures that stand in the source itself are listed. They are strict entity
F1 in points of 100, as printed there; our own scores are fractions and are
converted on the way into the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PUBMEDBERT = "Gu et al. 2021, arXiv 2007.15779, Table 6"
RERUN = "dmis-lab/biobert-pytorch, named-entity-recognition/README.md"
BASE = "base size, general text"
BIOMEDICAL = "base size, biomedical text"
ONE_SEED = "; one seed, 30 epochs"


@dataclass(frozen=True)
class Reference:
    """One published score. ``kind`` is the entity type it counts; ``f1`` is in points."""

    corpus: str
    kind: str
    model: str
    f1: float
    source: str
    note: str


def _columns(model: str, ncbi: float, disease: float, chemical: float, source: str, note: str) -> list[Reference]:
    """One line of a published table over NCBI-disease and the two halves of BC5CDR."""
    return [
        Reference("ncbi_disease", "Disease", model, ncbi, source, note),
        Reference("bc5cdr", "Disease", model, disease, source, note),
        Reference("bc5cdr", "Chemical", model, chemical, source, note),
    ]


REFERENCES: tuple[Reference, ...] = (
    *_columns("BERT-base, uncased", 85.67, 81.44, 89.25, PUBMEDBERT, BASE),
    *_columns("BERT-base, cased", 85.87, 79.92, 89.99, PUBMEDBERT, BASE),
    *_columns("RoBERTa-base", 86.62, 80.65, 89.43, PUBMEDBERT, BASE),
    *_columns("SciBERT, uncased", 88.10, 84.54, 92.49, PUBMEDBERT, "base size, scientific text"),
    *_columns("SciBERT, cased", 88.25, 84.70, 92.51, PUBMEDBERT, "base size, scientific text"),
    *_columns("ClinicalBERT", 86.32, 83.04, 90.80, PUBMEDBERT, "base size, clinical text"),
    *_columns("BioBERT", 89.13, 84.70, 92.85, PUBMEDBERT, BIOMEDICAL),
    *_columns("PubMedBERT", 87.82, 85.62, 93.33, PUBMEDBERT, BIOMEDICAL),
    *_columns("BERT-base, run again", 85.27, 83.28, 91.78, RERUN, BASE + ONE_SEED),
    *_columns("RoBERTa-base, run again", 85.13, 80.51, 89.38, RERUN, BASE + ONE_SEED),
    *_columns("BioBERT 1.1, run again", 88.30, 86.37, 93.04, RERUN, BIOMEDICAL + ONE_SEED),
    Reference("ncbi_disease", "Disease", "BioBERT 1.1, its paper", 89.71, "Lee et al. 2020, doi:10.1093/bioinformatics/btz682",
              BIOMEDICAL + "; trained on the training and the validation part: not comparable"),
    Reference("ncbi_disease", "Disease", "BERT-base, cased, as tutorials train it", 83.59,
              "model card DunnBC22/bert-base-cased-finetuned-ner-NCBI_Disease",
              BASE + "; one seed, 3 epochs; watched on the test part while training"),
)
CAUTION = {
    "ncbi_disease": "The published encoders are several times larger than the default one here, and most were trained for more "
                    "epochs, with a search over settings of their own.",
    "bc5cdr": "The published models find one type each; ours finds both at once, so its joint score stands beside none of "
              "them and its scores by type only roughly. Their encoders are also several times larger than the default one here.",
}
_OWN_SPLIT = (
    "These scores are comparable with nobody's: the corpus here is our own split of TAT-QA's published test part, and only its "
    "questions with one span of text as the answer. Figures on its leaderboard are over other questions."
)
ALONE = {
    "medical_notes": "Nobody else has scored this corpus: it was written for this course.",
    "finance_qa": "Nobody else has scored this corpus: it was written for this course.",
    "tatqa": _OWN_SPLIT,
    "tatqa_relevant": _OWN_SPLIT + " The passage is cut down to the relevant paragraph, which makes the questions easier still.",
    "tatqa_published": "Only TAT-QA's questions with one span of text as the answer are scored here. Figures on its leaderboard "
                       "are over all its questions and are not comparable.",
    "xquad": "XQuAD's English questions are part of the development set of SQuAD 1.1. Here they are divided and partly trained "
             "on, so a score on the rest is comparable with nobody's.",
}


def remark(corpus: str) -> str:
    """Return what has to be said beside every score on this corpus."""
    if corpus in CAUTION:
        return CAUTION[corpus]
    return ALONE.get(corpus, "This course knows of no published score on this corpus.")


def beside(corpus: str, ours: Mapping[str, float], note: str) -> list[dict[str, object]]:
    """Return rows for a table, published scores and ours together, by type and best first.

    ``ours`` gives our F1 by entity type, as fractions; ``note`` says how it was
    measured. Without a published score for the corpus the list is empty.
    """
    rows = [(r.kind, r.model, r.f1, r.source, r.note) for r in REFERENCES if r.corpus == corpus]
    kinds = {kind for kind, *_ in rows}
    rows += [(kind, "this run", 100 * f1, "this notebook", note) for kind, f1 in ours.items() if kind in kinds]
    names = ("type", "model", "F1, points", "source", "remarks")
    return [dict(zip(names, row, strict=True)) for row in sorted(rows, key=lambda r: (r[0], -r[2]))]
