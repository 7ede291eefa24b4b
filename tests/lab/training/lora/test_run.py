"""`dgls train --recipe lora` on a tiny base: what it learns, saves and refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dgls.checkpoint.named import resolved
from dgls.checkpoint.qwen2.build import dense_network
from dgls.checkpoint.qwen2.lora import load_lora, weights_of, with_lora
from dgls.cli.app import run_app
from dgls.file_lock import FileLock
from dgls.lab.training.lora.examples import Examples, cut_examples
from dgls.lab.training.lora.network import Batcher, LoraTerms, judged, states_of
from dgls.lab.training.lora.run import Run, Settings, train
from dgls.lab.training.parallel.gguf_base import read_base
from dgls.lab.training.parallel.run_folder import RunFolder
from dgls.network.rows import Rows
from tests.lab.training.lora.test_examples import FILES
from tests.support.qwen2 import CPU, quietly, tiny_causal, tiny_tokenizer, write_folder, write_gguf


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(tmp_path_factory.mktemp("base") / "tiny.gguf")


@pytest.fixture(scope="module")
def examples() -> Examples:
    return cut_examples(FILES, tiny_tokenizer())


@pytest.fixture
def run_in(gguf: Path, examples: Examples) -> Callable[..., Run]:
    """A run in a folder, with changed settings."""

    def made(folder: Path, **changed: float) -> Run:
        base = read_base(gguf, resolved(str(gguf)).identity)
        settings = Settings(rank=4, alpha=8.0, tokens=1500, rate=5e-3, heldout=12)
        settings = replace(settings, **changed)  # type: ignore[arg-type]
        terms = LoraTerms(base.shape, settings.rank, settings.alpha, seed=1)
        batcher = Batcher(examples, tiny_tokenizer(), base)
        run_folder = RunFolder(folder, "lora.safetensors")
        return Run(base, terms, examples, batcher, run_folder, settings, lambda line: None)

    return made


def moved(terms: LoraTerms) -> LoraTerms:
    """Terms in which every part has an effect."""
    generator = torch.Generator().manual_seed(3)
    for parameter in terms.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return terms


def test_packed_texts_have_the_same_states_as_alone(
    run_in: Callable[..., Run], tmp_path: Path
) -> None:
    run = run_in(tmp_path)
    terms, ids = moved(run.terms), torch.arange(30) * 7 % 340
    together = states_of(run.base, terms, ids, (11, 19))
    alone = [states_of(run.base, terms, part, (len(part),)) for part in ids.split((11, 19))]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-4, rtol=1e-4)


def test_merged_weights_equal_base_plus_lora_in_training(
    run_in: Callable[..., Run], tmp_path: Path
) -> None:
    path = write_gguf(tmp_path / "tiny.gguf")
    named = resolved(str(path))
    run = replace(run_in(tmp_path / "run", steps=3), base=read_base(path, named.identity))
    moved(run.terms)
    train(run)
    run.folder.made.rename(tmp_path / "lora.safetensors")
    merged = with_lora(named, "auto")
    assert merged.lora is not None
    with torch.no_grad():
        for name, matrix in run.terms.matrices().items():
            # Training continues from the file, which has 8 bits.
            matrix.copy_(merged.lora.matrices[name].dense())
        ids = torch.arange(30) * 7 % 340
        trained = states_of(run.base, run.terms, ids, (30,))
    network = dense_network(weights_of(merged), CPU, torch.float32, quietly)
    torch.testing.assert_close(
        network.read(Rows(ids), network.slots(64)), trained, atol=1e-3, rtol=1e-3
    )


def test_an_answers_loss_equals_the_products_score(
    run_in: Callable[..., Run], examples: Examples, tmp_path: Path
) -> None:
    run, model = run_in(tmp_path), tiny_causal()
    chosen = np.arange(0, len(examples.prompt), 7)
    batch = run.batcher.batch(chosen)
    with torch.no_grad():
        found = judged(run.base, run.terms, run.batcher, batch)
    for index, example in enumerate(chosen):
        tokens, first = examples.of(example).tolist(), int(examples.prompt[example])
        slots = model.network.slots(len(tokens))
        states = model.network.read(Rows(torch.tensor(tokens[:first])), slots)[-1:]
        ends = model.ends(1 if examples.one_line[example] else 9, 999)
        rest = model.table.join(tokens[first:])[: int(examples.healed[example])]
        (said,) = model._scorer.scores(slots, states, rest, ends, [tokens[first:]])
        mine = found.nats[batch.owner == index]
        torch.testing.assert_close(mine[:-1], -torch.tensor(said.log_probs), atol=1e-2, rtol=1e-3)
        if examples.one_line[example]:
            assert said.end == pytest.approx(-float(mine[-1]), abs=1e-2)
        else:
            # After a line break a body continues, which the product does not consider.
            assert said.end >= -float(mine[-1]) - 1e-2


def test_the_loss_falls_and_the_base_is_unchanged(
    run_in: Callable[..., Run], gguf: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    run = replace(run_in(tmp_path, steps=60, rate=2e-2), report=said.append)
    train(run)
    first, last = (line for line in said if line.startswith("held out: all"))
    nats = [float(line.split()[6]) for line in (first, last)]
    assert nats[1] < 0.7 * nats[0]
    untouched = read_base(gguf)
    for mine, theirs in zip(run.base.layers, untouched.layers, strict=True):
        assert torch.equal(mine.qkv, theirs.qkv)
    made = load_lora(run.folder.made, run.base.sha256)
    assert (made.rank, made.alpha) == (4, 8.0)


def test_a_resumed_run_ends_with_the_same_weights(
    run_in: Callable[..., Run], tmp_path: Path
) -> None:
    whole = run_in(tmp_path / "whole", steps=6)
    train(whole)

    def cut_off(line: str) -> None:
        if line == "saved at step 3":
            raise KeyboardInterrupt

    parted = run_in(tmp_path / "parted", steps=6, save=0.0)
    with pytest.raises(KeyboardInterrupt):
        train(replace(parted, report=cut_off))
    resumed = run_in(tmp_path / "parted", steps=6)
    assert train(resumed).step == 6
    for name, matrix in whole.terms.matrices().items():
        assert torch.equal(matrix, resumed.terms.matrices()[name])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for number in range(4):
        lines = [
            f"def function{number}_{index}(width):\n    return width + offset{number}_{index}\n"
            for index in range(60)
        ]
        (folder / f"part{number}.py").write_text("\n".join(lines))
    return folder


def arguments(base: object, source: Path, folder: Path, *more: str) -> list[str]:
    told = ["train", "--recipe", "lora", "--base", str(base), "--source", str(source)]
    return [*told, "--folder", str(folder), "--steps", "2", "--threads", "1", *more]


def test_a_folder_of_sources_becomes_a_lora_for_the_base(
    gguf: Path, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = arguments(gguf, source, tmp_path / "run", "--output", str(tmp_path / "out"))
    assert run_app(command) == 0
    said = capsys.readouterr().out
    assert "python: 3 files, 1 held out" in said
    assert "held out: all " in said
    assert "2 steps in" in said
    made = load_lora(tmp_path / "out" / "lora.safetensors", resolved(str(gguf)).identity)
    assert made.rank == 16
    assert run_app([*command, "--steps", "3"]) == 0
    said = capsys.readouterr().out
    assert "going on from step 2" in said
    assert "Cutting gaps" not in said


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ("missing base", "There is no file"),
        ("no base", "needs a --base"),
        ("embedded", "needs; nothing was trained"),
        ("folder as base", "is not a folder|read GGUF files"),
        ("missing source", "is not a folder"),
        ("empty source", "No source worth training on was found"),
        ("folder is a file", "Nothing more could be written in"),
        ("another run", "Another run is training in"),
        ("spoilt save", "cannot be read"),
        ("run of another recipe", "was saved by a run of another shape"),
        ("start", "takes no --from"),
    ],
)
def test_bad_input_is_one_sentence(
    spoil: str, reason: str, gguf: Path, source: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder, empty = tmp_path / "run", tmp_path / "empty"
    empty.mkdir()
    command = arguments(gguf, source, folder)
    lock = None
    match spoil:
        case "missing base":
            command = arguments(tmp_path / "no.gguf", source, folder)
        case "no base":
            command = ["train", "--recipe", "lora"]
        case "embedded":
            command = arguments("embedded", source, folder)
        case "folder as base":
            command = arguments(write_folder(tmp_path / "tiny"), source, folder)
        case "missing source":
            command = arguments(gguf, tmp_path / "nowhere", folder)
        case "empty source":
            command = arguments(gguf, empty, folder)
        case "folder is a file":
            folder.write_text("")
        case "another run":
            folder.mkdir()
            lock = FileLock.acquire(folder / "run.lock")
        case "spoilt save":
            assert run_app(command) == 0
            (folder / "state" / "weights.safetensors").write_bytes(b"")
        case "run of another recipe":
            assert run_app([*command[:2], "canvas", *command[3:]]) == 0
        case "start":
            command += ["--from", str(tmp_path / "lora.safetensors")]
    capsys.readouterr()
    status = run_app(command)
    if lock is not None:
        lock.release()
    said = capsys.readouterr().err
    assert status not in (0, 70)
    assert said.startswith("dgls: ")
    assert said.count("\n") == 1
    assert any(each in said for each in reason.split("|"))
