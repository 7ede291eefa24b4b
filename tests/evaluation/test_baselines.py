"""The baselines: what they can do at their best, and that they never look at the truth."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgls.evaluation.baselines.code_tokens import Vocabulary, split_unfinished, tokenize
from dgls.evaluation.baselines.copy_line import CopyLine
from dgls.evaluation.baselines.ngram import Ngram
from dgls.evaluation.baselines.ngram_corpus import corpus_texts
from dgls.evaluation.baselines.ngram_model import NgramModel
from dgls.evaluation.baselines.nothing import Nothing
from dgls.evaluation.cases import Case, Kind
from dgls.evaluation.systems import System
from dgls.protocol import Gap
from tests.evaluation.samples import ACCOUNTS, SHAPES, make_case, write_tree


def marked(text: str, truth: str = "", lines: int = 1) -> Case:
    """A case whose gap is at `¦`."""
    before, after = text.split("¦")
    return make_case(before, truth, after, lines=lines)


REPETITIVE = "".join(f"    parser.add_argument('--{name}')\n" for name in ("one", "two", "six"))

COPIES = [
    (
        "after the same words",
        "first = load(path, mode)\nsecond = load(¦\nprint(second)\n",
        "path, mode)",
    ),
    (
        "between the same words",
        "a.save(name, force=True)\nb.save(¦)\n",
        "name, force=True",
    ),
    (
        "a line with like neighbours, indented as here",
        "def one(x):\n    check(x)\n    return x\n\ndef two(y):\n    ¦\n    return y\n",
        "check(x)",
    ),
    (
        "the indentation itself, where it is missing",
        "if a:\n    done = True\nelse:\n¦\nprint(done)\n",
        "    done = True",
    ),
    ("nothing where no line has the words", "alpha(1)\nbeta.gamma.¦\n", ""),
    ("nothing in an empty file", "¦", ""),
]


@pytest.mark.parametrize(("what", "text", "filled"), COPIES, ids=[copy[0] for copy in COPIES])
def test_copy_takes_what_the_most_similar_line_has_there(what: str, text: str, filled: str) -> None:
    assert CopyLine().fill(marked(text), oracle_length=False).texts == (filled,)


def test_copy_with_a_known_length_prefers_texts_of_that_length() -> None:
    text = "x = load(short)\nx = load(much_longer)\ny = load(¦)\n"
    assert CopyLine().fill(marked(text, "12345"), oracle_length=False).texts == ("much_longer",)
    assert CopyLine().fill(marked(text, "12345"), oracle_length=True).texts == ("short",)


def test_nothing_fills_nothing() -> None:
    case = marked("a = ¦\n", "1")
    assert Nothing().fill(case, oracle_length=True).texts == ("",)


@settings(deadline=None)
@given(st.text(alphabet="ab_1 \n\t\"'()=+.é𝄞\r", max_size=40))
def test_tokens_joined_are_the_text(text: str) -> None:
    assert "".join(tokenize(text)) == text
    whole, begun = split_unfinished(text)
    assert "".join(whole) + begun == text


def test_words_and_operators_are_whole_tokens() -> None:
    assert tokenize("if x1>=2:\n    y**=x1\n") == [
        *("if", " ", "x1", ">=", "2", ":", "\n    ", "y", "**=", "x1", "\n"),
    ]


def test_a_vocabulary_grows_beyond_its_base_and_leaves_it_alone() -> None:
    base = Vocabulary()
    assert base.add("aba") == [0, 1, 0]
    local = Vocabulary(base)
    assert local.add("bca") == [1, 2, 0]
    assert (len(base), len(local)) == (2, 3)
    assert (local.token(0), local.token(2)) == ("a", "c")
    assert base.find("c") is None


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 4), max_size=30),
    st.lists(st.integers(0, 4), max_size=3),
)
def test_the_chances_of_all_tokens_sum_to_one(ids: Sequence[int], history: Sequence[int]) -> None:
    model = NgramModel.of(ids, size=5)
    assert model.probabilities(history, np.arange(5)).sum() == pytest.approx(1.0)


def test_chances_follow_the_counts() -> None:
    # After 0 comes 1 twice and 2 once; Witten-Bell keeps 2 of 5 parts for what is behind.
    model = NgramModel.of([0, 1, 0, 1, 0, 2], size=4)
    chances = model.probabilities([0], np.arange(4))
    behind = (np.array([3, 2, 1, 0]) + 3 / 4) / 9
    assert chances == pytest.approx((np.array([0, 2, 1, 0]) + 2 * behind) / 5)
    assert model.likely([0], 1).tolist() == [0, 1]


NGRAMS = [
    ("a line that the file repeats", REPETITIVE + "    parser.¦('--new')\n", "add_argument", 1),
    ("a half-typed word", REPETITIVE + "    parser.add_arg¦('--new')\n", "ument", 1),
    ("up to what follows", "total(a, b)\n" * 3 + "total(¦, b)\n", "a", 1),
    (
        "lines below a header",
        "for x in y:\n    go(x)\n    stop(y)\nend()\n" * 4 + "for x in y:¦\nend()\n",
        "\n    go(x)\n    stop(y)",
        8,
    ),
]


@pytest.mark.parametrize(
    ("what", "text", "filled", "lines"), NGRAMS, ids=[ngram[0] for ngram in NGRAMS]
)
def test_the_ngram_model_continues_from_the_file(
    what: str, text: str, filled: str, lines: int
) -> None:
    answer = Ngram(()).fill(marked(text, lines=lines), oracle_length=False)
    assert answer.texts == (filled,)
    assert 0 < answer.confidence < 1
    assert answer.score < 0


def test_the_ngram_model_knows_its_corpus() -> None:
    case = marked("value = widget.¦\n")
    taught = Ngram(("result = widget.render(canvas)\n" * 5,))
    assert taught.fill(case, oracle_length=False).texts == ("render(canvas)",)
    assert Ngram(()).fill(case, oracle_length=False).texts != ("render(canvas)",)
    assert taught.settings != Ngram(()).settings


def test_the_ngram_model_writes_as_many_tokens_as_it_is_told() -> None:
    for truth in ("x", "x + 1", "f(a, b) + 1"):
        answer = Ngram((SHAPES,)).fill(marked("y = ¦\n", truth), oracle_length=True)
        # The space before the gap is a token that the fill could have made longer.
        wanted = len(tokenize(" " + truth))
        assert len(tokenize(" " + answer.texts[0])) == wanted == answer.tokens


def test_a_line_stays_one_line() -> None:
    answer = Ngram((SHAPES, ACCOUNTS)).fill(marked("def f():¦\n    g()\n"), oracle_length=False)
    assert "\n" not in answer.texts[0]


SEVERAL = Case(
    id="several",
    group="several",
    path="a.py",
    parts=("first = area(", ")\nsecond = ", "(3, 4)\n"),
    gaps=(Gap(), Gap()),
    truth=("1, 2", "area"),
    kind=Kind.SEVERAL,
)


@pytest.mark.parametrize("system", [Nothing(), CopyLine(), Ngram((SHAPES,))], ids=str)
@pytest.mark.parametrize("case", [marked(copy[1], "truth") for copy in COPIES] + [SEVERAL])
def test_no_baseline_looks_at_the_truth(system: System, case: Case) -> None:
    other = dataclasses.replace(case, truth=tuple("something else" for _ in case.truth))
    answers = [system.fill(each, oracle_length=False) for each in (case, other)]
    assert answers[0] == answers[1]
    assert len(answers[0].texts) == len(case.gaps)


def test_the_corpus_of_the_ngram_model_holds_no_case(tmp_path_factory: pytest.TempPathFactory):
    tree = write_tree(tmp_path_factory.mktemp("corpus"))
    assert set(corpus_texts(tree, [])) >= {ACCOUNTS, SHAPES}
    assert ACCOUNTS not in set(corpus_texts(tree, [ACCOUNTS]))
    assert SHAPES in set(corpus_texts(tree, [ACCOUNTS]))
    assert list(corpus_texts(tree / "bank" / "accounts.py", [])) == [ACCOUNTS]
