"""A fill requested in words, and the code cut out of a chat model's answer.

A chat model answers with more than was asked: thoughts, a fence, the line that it should continue,
the lines that follow. Text that is known to be around the gap is cut off; the rest may still be
anything, and the front-end checks it like every fill.
"""

from __future__ import annotations

import re
import textwrap
from typing import Any

from dgls.canvas.chat import MARK, fence_of
from dgls.errors import RemoteError
from dgls.protocol import FillRequest

_THOUGHTS = re.compile(r"^.*</think>|<think>.*$", re.DOTALL)
_FENCED = re.compile(r"(?:^|\n)[ ]*(`{3,}|~{3,})[^\n`]*\n(.*?)(?:\n[ ]*\1|$)", re.DOTALL)


def question(request: FillRequest) -> str:
    """The message that asks for the only gap of a request."""
    fence = fence_of(request)
    before, after = request.parts
    lines = [
        f"Code is missing from a file where {MARK} stands. Write it as the author of the file "
        f"would. Answer with one code block that holds what belongs in place of {MARK} and "
        f"nothing else: not the code before it, not the code after it, no explanation."
    ]
    for snippet in request.snippets:
        lines += [f"From {snippet.path}:", fence, snippet.text, fence]
    lines += [f"The file {request.path}:" if request.path else "The file:"]
    lines += [f"{fence}{request.language}", f"{before}{MARK}{after}", fence]
    if request.gaps[0].text:
        lines += [f"In place of {MARK} now stands:", fence, request.gaps[0].text, fence]
    return "\n".join(lines)


def answer_of(fields: Any) -> str:
    """The text of a chat completion; "" if the model only thought.

    Servers differ: the content may be text, null beside a `reasoning_content`, or a list of parts.
    Raises `RemoteError` for anything but a chat completion.
    """
    try:
        content = fields["choices"][0]["message"].get("content")
        if isinstance(content, list):
            content = "".join(part.get("text") or "" for part in content)
        if content is not None and not isinstance(content, str):
            raise TypeError
    except (AttributeError, IndexError, KeyError, TypeError):
        # Without the cause, whose message may quote the answer.
        raise RemoteError(
            "The server's answer is not a chat completion; nothing was filled. Check that "
            "'remote.url' is the address of an OpenAI-compatible server."
        ) from None
    return content or ""


def code_of(answer: str, before: str, after: str) -> str:
    """The code that an answer puts between `before` and `after`."""
    code = _unfenced(without_thoughts(answer))
    head = before.rpartition("\n")[2]
    code = _without_repeated_start(code, before)
    if not head.strip():
        code = _at_column(code, head)
    return _without_repeated_end(code, after).rstrip("\r\n")


def without_thoughts(answer: str) -> str:
    """The answer without the model's thoughts before it."""
    return _THOUGHTS.sub("", answer)


def _unfenced(answer: str) -> str:
    """The content of the first code block, else of its backticks, else the whole answer."""
    found = _FENCED.search(answer)
    if found:
        return found.group(2)
    text = answer.strip("\r\n")
    return text[1:-1] if re.fullmatch(r"`[^`\n]+`", text) else text


def _without_repeated_start(code: str, before: str) -> str:
    """`code` without the last lines of `before` that it repeats, with or without indentation."""
    lines = before.split("\n")
    for count in range(len(lines), 0, -1):
        known = "\n".join(lines[-count:])
        if not known.strip():
            continue
        for form in (known, textwrap.dedent(known), known.lstrip()):
            if code.startswith(form):
                return code[len(form) :]
    return code


def _at_column(code: str, indent: str) -> str:
    """A block for a blank line head: its first line without indentation, the others with it.

    A block written at the left margin is moved to the cursor's column.
    """
    first, _, rest = code.partition("\n")
    if first.startswith(indent):
        return code[len(indent) :]
    if first[:1].isspace() or not rest:
        return code.lstrip(" \t")
    moved = textwrap.indent(rest, indent, lambda line: bool(line.strip()))
    return f"{first}\n{moved}"


def _without_repeated_end(code: str, after: str) -> str:
    """`code` without the whole lines from the beginning of `after` that it repeats.

    A bracket that closes one opened in the code is kept, whatever follows.
    """
    known = after.split("\n")
    written = code.rstrip().split("\n")
    for count in range(min(len(known), len(written) + 1), 0, -1):
        repeated = "\n".join(line.rstrip() for line in known[:count]).rstrip()
        text = "\n".join(line.rstrip() for line in written)
        if not repeated.strip() or not text.endswith(repeated):
            continue
        kept = text[: len(text) - len(repeated)]
        if _open_brackets(kept) <= 0:
            return kept
    return code


def _open_brackets(code: str) -> int:
    """How many more brackets are opened than closed."""
    return sum(map(code.count, "([{")) - sum(map(code.count, ")]}"))
