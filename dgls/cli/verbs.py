"""Every verb of the command line in its group, and the page of `dgls --help`.

Nothing is imported to print it: a person who asks for help should not wait for a parser.
"""

from __future__ import annotations

from dataclasses import dataclass

from dgls.errors import InputError
from dgls.text.closest import closest, did_you_mean


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb and its description, in one line."""

    name: str
    summary: str


GROUPS: dict[str, tuple[Verb, ...]] = {
    "Fill": (
        Verb("fill", "Fill the gap at a place in a file, and print the fill."),
        Verb("edit", "Edit lines by an instruction, and print the diff."),
        Verb("why", "Explain the last suggestion, or one at a place."),
    ),
    "Models": (Verb("model", "List, fetch, find and remove models."),),
    "Editors": (
        Verb("editor", "Print or write an editor's configuration, and try it out."),
        Verb("lsp", "Run the language server; editors start it."),
    ),
    "This machine": (
        Verb("doctor", "Check what this machine can run, and why."),
        Verb("serve", "Run the engine in this terminal, or stop it."),
        Verb("stats", "Print counts of suggestions shown, accepted and kept."),
    ),
    "Quality": (
        Verb("eval", "Measure how good the fills are."),
        Verb("bench", "Measure how fast dgls is on this machine."),
        Verb("train", "Train a model with a recipe."),
    ),
    "Shell": (Verb("completion", "Print the completion script for a shell."),),
}
"""The verbs as the help shows them. Each is a module beside this one."""

VERBS = tuple(verb.name for verbs in GROUPS.values() for verb in verbs)

_OTHER_NAMES = {
    "config": "doctor",
    "explain": "why",
    "install": "model",
    "setup": "editor",
    "start": "serve",
    "status": "doctor",
    "stop": "serve --stop",
}
"""Names of verbs in other programs, which no spelling correction would find."""

DIRECT = ("lsp", "editor")
"""The verbs that bypass the others' argument parser (`dgls.cli.main`)."""

_ENDING = (
    "Options",
    "  -V, --version  Print the version.",
    "  -h, --help     Print this page.",
    "",
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3-74 by kind of error, 130 Ctrl-C.",
)


def help_page() -> str:
    """The output of `dgls --help`."""
    width = max(map(len, VERBS))
    lines = [
        "Fills in code at the cursor, with a model on this machine.",
        "",
        "usage: dgls COMMAND [ARGUMENTS]    (dgls COMMAND --help lists them)",
    ]
    for group, verbs in GROUPS.items():
        lines += ["", group]
        lines += [f"  {verb.name:<{width}}  {verb.summary}" for verb in verbs]
    return "\n".join([*lines, "", *_ENDING])


def unknown_verb(word: str) -> InputError:
    """The error for an unknown command, with a suggestion."""
    what = "option" if word.startswith("-") else "command"
    return InputError(f"There is no {what} '{word}'.{_meant(word)} dgls --help lists all of them.")


def _meant(word: str) -> str:
    if ":" in word or "." in word:
        return f" Did you mean 'dgls fill {word}'?"
    near = _OTHER_NAMES.get(word) or closest(word, (*VERBS, "--version", "--help"))
    return did_you_mean(near)
