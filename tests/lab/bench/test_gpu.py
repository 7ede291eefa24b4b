"""`dgls bench gpu` in small, on the CPU: every part runs, and none brings down the others."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dgls.checkpoint.scheme import Scheme
from dgls.cli.app import run_app
from dgls.lab.bench.gpu import measuring
from dgls.lab.bench.gpu.checking import PART as KERNELS
from dgls.lab.bench.gpu.checking import logits_of
from dgls.lab.bench.gpu.child import Patience, in_child
from dgls.lab.bench.gpu.equality import equality
from dgls.lab.bench.gpu.figures import Figure, Problem
from dgls.lab.bench.gpu.measuring import measured
from dgls.lab.bench.gpu.messages import About, Begun, Died, Job, decoded, encoded
from dgls.lab.bench.gpu.routes import Recorded, Replayed, alike
from dgls.lab.bench.gpu.run import planned, run
from dgls.lab.bench.gpu.subject import TOY, Subject
from dgls.lab.bench.gpu.tuning import _grouped
from dgls.network.fast.network import FastNetwork
from dgls.network.fast.plain import PlainOperations

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[3]


def measured_here(job, patience):
    """Measured in this process, where a test can patch it."""
    return measured(job)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_every_part_is_measured_in_every_precision(tmp_path: Path, capsys) -> None:
    file = tmp_path / "figures.json"
    small = ["--size", "toy", "--device", "cpu", "--schemes", "none,4bit"]
    assert run_app(["bench", "gpu", *small, "--json", str(file)]) == 0
    found = json.loads(file.read_text())
    measured = {(figure["part"], figure["scheme"]) for figure in found["figures"]}
    for scheme in ("none", "4bit"):
        assert {part for part, of in measured if of == scheme} >= {
            "machine",
            "load",
            "error of each kernel",
            "error of two layers' logits, to fp32, the same experts",
            "peak memory",
            "equality with plain torch",
            "one denoise step",
            "whole fills",
            "written from left to right",
            "candidates in one batch",
            "encoding",
            "kernels of one step, canvas 16",
        }
    assert {("transformers' generate()", "none"), ("weights", "4bit")} <= measured
    assert ("load, kernels compiled before", "4bit") in measured
    assert found["problems"] == []
    assert found["machine"].startswith("no GPU, ")
    page = capsys.readouterr().out
    assert re.search(r"\| canvas 16 \(ms\) \| [\d.]+ \| [\d.]+ \|", page)
    assert re.search(r"generate\(\) with a canvas of 16 \| [\d.]+ times as fast \|", page)


def small_run(measure=measured_here, schemes=("none",), parts=("encoding",), minutes=5.0):
    told = []
    results = run(planned("toy", schemes, parts, minutes, CPU), None, told.append, measure)
    return results, told


def test_a_failing_part_keeps_its_figures_and_the_others_run(monkeypatch) -> None:
    def failing(subject, bandwidth):
        yield Figure("half", "none", "before", 1.0, "ms")
        raise RuntimeError("out of memory\nand more")

    monkeypatch.setitem(measuring.PARTS, "steps", failing)
    results, told = small_run(parts=("steps", "encoding"))
    assert {figure.part for figure in results.figures} >= {"half", "encoding"}
    (problem,) = results.problems
    assert (problem.part, problem.what) == ("steps", "RuntimeError: out of memory")
    assert "test_gpu.py" in problem.trace
    assert "- steps (none): RuntimeError: out of memory" in results.markdown()
    assert [line.split(": ")[1] for line in told] == ["load", "steps", "encoding", "a second start"]


def test_if_the_kernels_fail_plain_torch_is_measured(monkeypatch) -> None:
    class Broken(PlainOperations):
        def attend(self, *arguments):
            raise RuntimeError("no kernel image")

    monkeypatch.setattr("dgls.network.fast.network._operations", lambda device: Broken())
    monkeypatch.setattr(Subject, "is_plain", property(lambda subject: False))
    results, _ = small_run()
    assert {figure.part for figure in results.figures} >= {"load", "encoding"}
    assert results.problems[0].what.startswith("plain torch was measured instead: RuntimeError")


def test_a_capture_that_fails_leaves_the_kernels_in_use(monkeypatch) -> None:
    class Capturing(FastNetwork):
        """As on a GPU; here the first capture fails."""

        def __init__(self, *arguments) -> None:
            super().__init__(*arguments)
            self.captures = True

    monkeypatch.setattr("dgls.lab.bench.gpu.subject.FastNetwork", Capturing)
    monkeypatch.setattr(Subject, "is_plain", property(lambda subject: False))
    results, _ = small_run()
    assert {figure.part for figure in results.figures} >= {"load", "encoding"}
    told = [problem.what.partition(":")[0] for problem in results.problems]
    assert set(told) == {"kernels without captured steps were measured instead"}
    assert "Traceback" in results.problems[0].trace


def test_each_kernel_is_compared_and_a_failing_one_named(monkeypatch) -> None:
    class Wrong(PlainOperations):
        def norm(self, *arguments):
            return 2 * super().norm(*arguments)

        def attend(self, *arguments):
            raise RuntimeError("out of resource: shared memory")

    monkeypatch.setattr(Subject, "kernels", lambda subject: Wrong())
    results, _ = small_run(schemes=("4bit",), parts=("kernels",))
    found = {each.what: each.value for each in results.figures if each.part == KERNELS}
    assert (found["norm"], found["pick"], found["experts, 16 tokens"]) == (1.0, 0.0, 0.0)
    failed = {problem.part: problem.trace for problem in results.problems}
    attend = {"kernels, attend, sliding_attention", "kernels, attend, full_attention"}
    assert failed.keys() == attend | {"kernels, two layers, kernels"}
    assert all("in attend" in trace for trace in failed.values())
    two = {each.what: each.value for each in results.figures if "two layers" in each.part}
    assert two.keys() == {"plain torch"}
    assert two["plain torch"] < 1e-5


def test_an_error_in_one_layer_is_reported_despite_rounding_elsewhere() -> None:
    subject = Subject(TOY, Scheme.FOUR, CPU)
    second = subject.network.body.layers[1]

    class Wrong(PlainOperations):
        def after_layer(self, residual, dense, slots, shares, layer, *others):
            states, normed = super().after_layer(residual, dense, slots, shares, layer, *others)
            return (states * 1.1, normed) if layer is second else (states, normed)

    subject.network.operations = Wrong()
    found = {figure.what: figure.value for figure in equality(subject, 1.0)}
    worst = {
        what.partition(":")[0]: value for what, value in found.items() if "same inputs" in what
    }
    assert worst.pop("after_layer") == pytest.approx(0.1, rel=1e-4)
    assert worst.keys() >= {"linear", "heads", "attend", "route", "experts"}
    assert max(worst.values()) == 0
    assert found["kernels: error of logits after all layers"] > 0
    assert found["plain torch, moved: error of logits after all layers"] > 0


def test_passes_with_the_same_experts_differ_only_in_rounding() -> None:
    subject = Subject(TOY, Scheme.NONE, CPU)
    subject.network.prefix.hold(subject.past(TOY.prefix), TOY.gap)
    step, other = subject.network.step(), Recorded(PlainOperations())
    logits_of(subject, replace(step, operations=other))
    strangers = [(chosen + 1) % 16 for chosen in other.chosen]
    replayed = Recorded(Replayed(PlainOperations(), strangers))
    logits_of(subject, replace(step, operations=replayed))
    assert alike(replayed.chosen, strangers) == 1
    assert alike(replayed.chosen, other.chosen) < 1
    again = replace(step, operations=Replayed(PlainOperations(), other.chosen))
    assert torch.equal(logits_of(subject, again), logits_of(subject, step))


def test_parts_limited_by_the_disk_run_last() -> None:
    results, told = small_run(schemes=("4bit", "none"), parts=("storing", "encoding"))
    assert results.problems == []
    assert [line.partition("s, ")[2] for line in told] == [
        "4bit: load", "4bit: encoding", "none: load", "none: encoding",
        "4bit: a second start", "4bit: load", "4bit: storing",
    ]  # fmt: skip


class Deadly:
    """Measures, except for processes that die in a part in `deadly`."""

    def __init__(self, *deadly: str) -> None:
        self.deadly = list(deadly)
        self.plain: list[bool] = []

    def __call__(self, job, patience):
        self.plain.append(job.plain)
        for message in measured(job):
            yield message
            if isinstance(message, Begun) and message.part in self.deadly:
                self.deadly.remove(message.part)
                yield Died("ended with exit status -11")
                return


def test_a_new_process_measures_what_a_dead_one_left() -> None:
    deadly = Deadly("steps")
    results, _ = small_run(deadly, parts=("steps", "encoding"))
    assert "encoding" in {figure.part for figure in results.figures}
    assert [(each.part, each.what) for each in results.problems] == [
        ("steps", "the process ended with exit status -11")
    ]
    # The second process still uses the kernels, and so does the last one, which only loads.
    assert deadly.plain == [False, False, False]


@pytest.mark.parametrize(
    ("deaths", "plain"),
    [(["load"], [False, True, False]), (["steps", "fills"], [False, False, True, False])],
)
def test_kernels_that_crash_processes_are_no_longer_used(deaths, plain) -> None:
    deadly = Deadly(*deaths)
    results, _ = small_run(deadly, parts=("steps", "fills", "encoding"))
    assert "encoding" in {figure.part for figure in results.figures}
    assert deadly.plain == plain
    assert "plain torch is measured from here on" in results.problems[-1].what


def test_a_scheme_that_cannot_be_loaded_does_not_hold_up_the_others() -> None:
    deadly = Deadly("load", "load")
    results, _ = small_run(deadly, schemes=("none", "4bit"))
    assert {each.scheme for each in results.figures if each.part == "encoding"} == {"4bit"}


def test_a_hanging_process_is_killed() -> None:
    job = Job("toy", "none", ("encoding",), "cpu", time.time(), time.time() + 60)
    messages = list(in_child(job, Patience(0.01, 60, time.time() + 60)))
    assert len(messages) == 1
    assert isinstance(messages[0], Died)
    assert messages[0].how.startswith("was ended after")


def test_no_part_begins_once_time_is_up() -> None:
    results, told = small_run(schemes=("none", "4bit"), minutes=0)
    assert results.figures == []
    assert told == []
    assert {problem.what.partition(": ")[2] for problem in results.problems} == {"no time was left"}


def test_eight_bits_are_measured_only_for_load_and_memory() -> None:
    results, _ = small_run(schemes=("8bit",), parts=("memory", "equality", "encoding"))
    assert {figure.part for figure in results.figures} == {
        "machine",
        "load",
        "peak memory",
        "load, kernels compiled before",
    }
    assert results.problems == []


def test_a_message_survives_encoding_as_a_line() -> None:
    messages = [Begun("steps"), Died("ended"), Figure("a", "none", "b", 1.5, "ms")]
    for message in (*messages, Problem("a", "", "b", "c"), About("here")):
        assert decoded(encoded(message)) == message


@pytest.mark.parametrize(
    "arguments", [["--size", "huge"], ["--parts", "steps,stairs"], ["--schemes", "2bit"]]
)
def test_an_unknown_part_or_scheme_is_refused(arguments) -> None:
    assert run_app(["bench", "gpu", "--device", "cpu", *arguments]) == 2


def test_quantised_models_fill_like_the_library_with_the_same_weights() -> None:
    for scheme in (Scheme.EIGHT, Scheme.FOUR):
        subject = Subject(TOY, scheme, CPU)
        prompt, canvas = subject.prompt(20), subject.prompt(8)
        _, past = subject.network.extend(prompt, None)
        found = subject.network.canvas(canvas, past, None)
        with torch.no_grad():
            expected = subject.model(input_ids=prompt, decoder_input_ids=canvas).logits
        assert ((found - expected).norm() / expected.norm()).item() < 1e-4, scheme


def test_torch_has_the_grouped_product() -> None:
    up, down = torch.randn(4, 32, 16).bfloat16(), torch.randn(4, 16, 16).bfloat16()
    states, chosen = torch.randn(6, 16).bfloat16(), torch.randn(6, 4).topk(2).indices.int()
    order = chosen.flatten().argsort()
    found = _grouped(states, chosen, up, down)
    for row, slot in enumerate(order.tolist()):
        expert = chosen.flatten()[slot]
        gate, gated = (up[expert] @ states[slot // 2]).chunk(2)
        inner = torch.nn.functional.gelu(gate, approximate="tanh") * gated
        assert torch.allclose(
            found[row].float(), (down[expert] @ inner).float(), atol=0.5, rtol=0.1
        )


def test_the_benchmark_needs_nothing_that_a_gpu_machine_may_lack(tmp_path: Path) -> None:
    """torch, transformers and typer are enough: no libraries for editors, parsers or servers."""
    missing = ("tree_sitter", "tree_sitter_python", "pygls", "lsprotocol", "starlette", "uvicorn")
    for name in (*missing, "platformdirs"):
        error = f"raise ModuleNotFoundError('No module named {name}', name='{name}')"
        (tmp_path / f"{name}.py").write_text(error)
    small = ["--size", "toy", "--device", "cpu", "--schemes", "4bit", "--parts", "encoding,storing"]
    done = subprocess.run(
        [sys.executable, "-m", "dgls", "bench", "gpu", *small],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
    )
    assert done.returncode == 0, done.stderr
    assert "| encoding |" in done.stdout
    assert "| weights |" in done.stdout
    assert "Not measured" not in done.stdout
