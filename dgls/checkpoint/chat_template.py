"""A model's chat template, rendered so that users' text can never become a special token.

The template is a Jinja program that comes with the weights
(https://huggingface.co/docs/transformers/chat_templating), so it runs in Jinja's sandbox. The turns
are rendered as placeholders and inserted afterwards: the pieces tell which text is the template's.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from dgls.checkpoint.gguf_header import metadata_text
from dgls.errors import CheckpointError

_GGUF_KEY = "tokenizer.chat_template"


@dataclass(frozen=True, slots=True)
class Piece:
    """Text of a prompt. Special tokens are read only in the template's own text."""

    text: str
    is_template: bool


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """A template from a model's metadata."""

    source: str

    def pieces(self, system: str, user: str) -> tuple[Piece, ...]:
        """The prompt up to the answer. Raises `CheckpointError` for a broken template."""
        marks = {f"[{secrets.token_hex(16)}]": text for text in (system, user)}
        first, second = marks
        try:
            rendered = self._rendered([("system", first), ("user", second)])
        except TemplateError:
            # Some models have no system turn.
            marks = {first: f"{system}\n\n{user}"}
            rendered = self._rendered_or_error(first)
        if any(rendered.count(mark) != 1 for mark in marks):
            raise _broken("it does not contain each turn once")
        parts = re.split("|".join(map(re.escape, marks)), rendered)
        found = [Piece(parts[0], is_template=True)]
        for mark, after in zip(sorted(marks, key=rendered.index), parts[1:], strict=True):
            found += [Piece(marks[mark], is_template=False), Piece(after, is_template=True)]
        return tuple(found)

    def _rendered_or_error(self, user: str) -> str:
        try:
            return self._rendered([("user", user)])
        except TemplateError as error:
            raise _broken(str(error)) from error

    def _rendered(self, turns: list[tuple[str, str]]) -> str:
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        messages = [{"role": role, "content": text} for role, text in turns]
        return environment.from_string(self.source).render(
            messages=messages,
            add_generation_prompt=True,
            bos_token="",
            eos_token="",
            raise_exception=_raiser(),
        )


def template_of(path: Path) -> ChatTemplate | None:
    """The template of a GGUF file or a Hugging Face folder; None if it has none."""
    source = _of_folder(path) if path.is_dir() else metadata_text(path, _GGUF_KEY)
    return ChatTemplate(source) if source else None


def _of_folder(folder: Path) -> str | None:
    own = folder / "chat_template.jinja"
    try:
        if own.is_file():
            return own.read_text(encoding="utf-8")
        fields = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        found = fields.get("chat_template")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError) as error:
        raise _broken(repr(error)) from error
    return found if isinstance(found, str) else None


def _raiser() -> Callable[[str], None]:
    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    return raise_exception


def _broken(why: str) -> CheckpointError:
    return CheckpointError(
        f"The model's chat template cannot be used ({why}); nothing was changed. Choose "
        "another model for edits."
    )
