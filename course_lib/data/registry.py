"""Public corpora: every address, checksum, licence and citation, in one place.

Addresses are pinned to a commit and files to a SHA-256, so that a name means
the same bytes everywhere and always. A file without a known checksum is named
here, for readers who fetch it themselves, and never downloaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

RAW = "https://raw.githubusercontent.com/"
_MTL = RAW + "cambridgeltl/MTL-Bioinformatics-2016/df0df02fae6dbb87d88ffcf323b9096528f06f84/data/"
_TATQA = RAW + "NExTplusplus/TAT-QA/870accc41953dcde885aabeb963d94aabdc0fbc3/dataset_raw/"
_XQUAD = RAW + "google-deepmind/xquad/7d30520c717524000f0d9d2f9c10a069acd9d285/"
_CRICHTON = "this conversion: Crichton et al. 2017, doi:10.1186/s12859-017-1776-8"
_ZHU = "Zhu et al. 2021, TAT-QA: A Question Answering Benchmark on a Hybrid of Tabular and Textual Content in Finance, ACL"
_TATQA_LICENCE = "CC BY 4.0 (data; the repository's code is MIT)"


@dataclass(frozen=True)
class RemoteFile:
    """One public file. ``sha256=""`` means unknown; ``size`` is in bytes, ``None`` if unknown."""

    address: str
    sha256: str
    size: int | None = None

    @property
    def name(self) -> str:
        return self.address.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class PublicCorpus:
    """A corpus that papers report on.

    ``parts`` maps train, validation and test to files, or ``all`` to one file
    that is divided here: by ``stored_split`` (a file under ``data/splits/``) if
    given, else by a hash of the document's name. ``folder`` is its name in a
    mirror and in the cache; ``reader`` is a key of ``corpora.READERS``.
    ``whole_as_stage``: before another corpus, train on all of it, for it has no
    published parts and is here to learn from.
    """

    name: str
    task: str
    reader: str
    folder: str
    parts: Mapping[str, RemoteFile] = field(repr=False)
    licence: str
    citation: str
    stored_split: str = ""
    notice: str = ""
    whole_as_stage: bool = False


_TATQA_TEST = RemoteFile(
    _TATQA + "tatqa_dataset_test_gold.json", "c4d08418359c1d76468dec420ee748a37f48c06b63cb8ec2766f19d5d314b597", 2_167_546
)
_TATQA_NOTICE = (
    "Questions of TAT-QA's published test part whose answer is one span of a relevant paragraph, divided 70:15:15 by "
    "excerpt for this course: scores on it are comparable with nobody's."
)

_ALL = (
    PublicCorpus(
        name="ncbi_disease", task="ner", reader="conll", folder="ncbi_disease",
        parts={
            "train": RemoteFile(_MTL + "NCBI-disease-IOB/train.tsv",
                                "58379baf4614b8d757d93dd7a21b202849ca99f9b9d71b49185523ff5443300c", 1_137_445),
            "validation": RemoteFile(_MTL + "NCBI-disease-IOB/devel.tsv",
                                     "b4e1e7efcc2a35047bf2f3d281648357470e674f555d4a26a0049ac37d59cc61", 200_352),
            "test": RemoteFile(_MTL + "NCBI-disease-IOB/test.tsv",
                               "8f088ce45dc4746592188f9e69de3d89d87f3bb8f0ed8c4a287d018123fa148d", 205_664),
        },
        licence="CC BY 4.0 (the repository's README; the corpus itself is public domain)",
        citation=f"Doğan, Leaman, Lu 2014, doi:10.1016/j.jbi.2013.12.006; {_CRICHTON}",
    ),
    PublicCorpus(
        name="bc5cdr", task="ner", reader="conll", folder="bc5cdr",
        parts={
            "train": RemoteFile(_MTL + "BC5CDR-IOB/train.tsv",
                                "b731361c0ed73afd04cc5fdad39afcdfd8f325d6e46c282339185a91d1af4c14"),
            "validation": RemoteFile(_MTL + "BC5CDR-IOB/devel.tsv",
                                     "b909de65c4f7e3c23bb09ad52d654cdc92e96db941abe1a5dcf6f6010c03cff5"),
            "test": RemoteFile(_MTL + "BC5CDR-IOB/test.tsv",
                               "e41a2843a5fff0cd8d1a88cb147968d61ae29336ca70cddc3d7fb8ff21dfa1e8"),
        },
        licence="CC BY 4.0 (the repository's README)",
        citation=f"Li et al. 2016, doi:10.1093/database/baw068; {_CRICHTON}",
        notice="Both types, Chemical and Disease, are scored together: papers that report one type a row are not comparable.",
    ),
    PublicCorpus(
        name="tatqa", task="qa", reader="tatqa", folder="tatqa", parts={"all": _TATQA_TEST}, stored_split="tatqa",
        licence=_TATQA_LICENCE, citation=_ZHU, notice=_TATQA_NOTICE,
    ),
    PublicCorpus(
        name="tatqa_relevant", task="qa", reader="tatqa_relevant", folder="tatqa", parts={"all": _TATQA_TEST},
        stored_split="tatqa", licence=_TATQA_LICENCE, citation=_ZHU,
        notice=f"{_TATQA_NOTICE} The passage is the relevant paragraph alone, which an annotator chose: an easier question "
               "than 'tatqa' asks.",
    ),
    PublicCorpus(
        name="tatqa_published", task="qa", reader="tatqa", folder="tatqa",
        parts={
            "train": RemoteFile(_TATQA + "tatqa_dataset_train.json", ""),
            "validation": RemoteFile(_TATQA + "tatqa_dataset_dev.json",
                                     "8da095a819af6db3c14877c6df2d4d29960e41d1a63dd1fa853507bd2a616af5"),
            "test": _TATQA_TEST,
        },
        licence=_TATQA_LICENCE, citation=_ZHU,
        notice="Only questions whose answer is one span of a relevant paragraph: not comparable with TAT-QA's own scores.",
    ),
    PublicCorpus(
        name="xquad", task="qa", reader="squad", folder="xquad",
        parts={"all": RemoteFile(_XQUAD + "xquad.en.json",
                                 "e4c57d1c9143aaa1c5d265ba5987a65f4e69528d2a98f29d6e75019b10344f29", 609_383)},
        licence="CC BY-SA 4.0",
        citation="Artetxe, Ruder, Yogatama 2020, arXiv 1910.11856 (English: Rajpurkar et al. 2016, SQuAD 1.1 development set)",
        notice="An evaluation set, used for training here: report no SQuAD or XQuAD score of a model trained on it.",
        whole_as_stage=True,
    ),
)

PUBLIC: dict[str, PublicCorpus] = {corpus.name: corpus for corpus in _ALL}
