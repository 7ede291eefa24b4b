"""The gaps that a LoRA learns from: what is cut, what stays visible, where an answer ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dgls.canvas.fim import MIDDLE, PREFIX, SUFFIX
from dgls.checkpoint.codec import HfCodec
from dgls.errors import TrainingError
from dgls.lab.training.arrays import load_arrays, save_arrays
from dgls.lab.training.lora.examples import (
    Examples,
    batches,
    cut_examples,
    packed,
    rest_of_block,
)
from dgls.lab.training.parallel.cuts import SourceFile
from dgls.text.spans import Span
from tests.support.qwen2 import tiny_tokenizer

FUNCTION = """def function{0}(width, height):
    if width > height:
        return width * {0}
    total = combine(width, height, {0})
    return total
"""
TEXT = "\n\n".join(FUNCTION.format(number) for number in range(40))
FILES = [SourceFile(TEXT, "python", heldout) for heldout in (False, True)]


def examples() -> Examples:
    return cut_examples(FILES, tiny_tokenizer())


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (
            "def f():\n    a = ⟦1⟧\n    b = 2\n    c = 3\n\n\nd = 4\n",
            "def f():\n    a = ⟦1⟧\n\n\nd = 4\n",
        ),
        ("if a:\n    ⟦b()⟧\nc()\n", "if a:\n    ⟦b()⟧\nc()\n"),
        ("for a in ⟦b⟧:\n    c()\nd()\n\ne()\n", "for a in ⟦b⟧:\n\ne()\n"),
        ("{\n  a(⟦b⟧);\n\n  if (c) {\n    d;\n  }\n}\ne;\n", "{\n  a(⟦b⟧);\n}\ne;\n"),
        ("a = ⟦1⟧", "a = ⟦1⟧"),
    ],
)
def test_the_rest_of_the_block_is_cut_after_the_gap(text: str, left: str) -> None:
    start, end = text.index("⟦"), text.index("⟧") - 1
    plain = text.replace("⟦", "").replace("⟧", "")
    rest = rest_of_block(plain, Span(start, end))
    found = plain if rest is None else plain[: rest.start] + plain[rest.end :]
    assert found == left.replace("⟦", "").replace("⟧", "")


def test_an_example_is_the_products_prompt_and_the_cut_text() -> None:
    found, codec = examples(), HfCodec(tiny_tokenizer())
    prefix, suffix, middle = map(codec.token_id, (PREFIX, SUFFIX, MIDDLE))
    for example in range(len(found.prompt)):
        tokens = found.of(example).tolist()
        prompt, answer = (
            tokens[: found.prompt[example]],
            codec.decode(tokens[found.prompt[example] :]),
        )
        assert prompt[:2] == [prefix, suffix]
        shown = codec.decode(prompt[prompt.index(middle) + 1 :])
        # The text before the gap ends the prompt and begins the answer.
        assert shown + answer in TEXT
        assert len(answer.encode()) > found.healed[example]
        assert ("\n" in answer) <= (not found.one_line[example])


def test_gaps_are_of_every_kind_and_half_lack_the_rest_of_their_block() -> None:
    found = cut_examples(
        [SourceFile(TEXT * 12, "python", heldout) for heldout in (False, True)], tiny_tokenizer()
    )
    names = found.labels[found.label]
    assert set(names) == {"line end", "whole line", "span", "arguments", "body"} | {
        "typed line end", "typed whole line", "typed span", "typed arguments"
    }  # fmt: skip
    typed = np.char.startswith(names, "typed").mean()
    assert 0.3 < typed < 0.6


def test_examples_are_reproducible_and_survive_saving(tmp_path: Path) -> None:
    first, second = examples(), examples()
    save_arrays(first, tmp_path / "examples.npz")
    kept = load_arrays(Examples, tmp_path / "examples.npz")
    for name in ("tokens", "bounds", "prompt", "healed", "one_line", "label", "heldout"):
        assert np.array_equal(getattr(first, name), getattr(second, name))
        assert np.array_equal(getattr(first, name), getattr(kept, name))


def test_a_file_without_examples_is_refused(tmp_path: Path) -> None:
    (tmp_path / "examples.npz").write_bytes(b"x")
    with pytest.raises(TrainingError, match="holds no examples"):
        load_arrays(Examples, tmp_path / "examples.npz")


def test_files_without_places_are_refused() -> None:
    broken = SourceFile("def (:\n" * 40, "python", False)
    with pytest.raises(TrainingError, match="no training gaps"):
        cut_examples([broken, FILES[1]], tiny_tokenizer())


def test_each_example_comes_once_an_epoch_in_batches_of_the_size() -> None:
    found = examples()
    chosen = np.flatnonzero(~found.heldout)
    seen: list[int] = []
    for batch in batches(found, chosen, 900, seed=3):
        assert len(batch) == 1 or found.lengths[batch].sum() <= 900
        seen += batch.tolist()
        if len(seen) >= len(chosen):
            break
    assert sorted(seen) == chosen.tolist()
    assert [len(batch) for batch in packed(found, chosen, 1)] == [1] * len(chosen)
