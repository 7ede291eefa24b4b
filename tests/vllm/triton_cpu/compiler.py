"""The compiler of the stub backend: it accepts the target "cpu" and compiles nothing."""

from __future__ import annotations

from types import ModuleType

from triton.backends.compiler import BaseBackend, GPUTarget, Language


class CpuBackend(BaseBackend):
    """Claims the target; the interpreter does the work."""

    @staticmethod
    def supports_target(target: GPUTarget) -> bool:
        return target.backend == "cpu"

    def hash(self) -> str:
        return "cpu"

    def parse_options(self, options: dict) -> object:
        return options

    def add_stages(self, stages: dict, options: object, language: Language) -> None:
        raise NotImplementedError("Nothing is compiled for a CPU; set TRITON_INTERPRET=1.")

    def load_dialects(self, context: object) -> None:
        return None

    def get_module_map(self) -> dict[str, ModuleType]:
        return {}
