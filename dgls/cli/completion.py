"""`dgls completion`: a shell script that completes verbs and options without starting Python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from dgls.cli.editor import FLAGS
from dgls.cli.verbs import DIRECT, GROUPS, VERBS
from dgls.editors.guides import EDITORS


class Shell(StrEnum):
    """A shell with completion scripts."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@dataclass(frozen=True, slots=True)
class Node:
    """The possible words after those of `path`: further verbs or values (`words`), and options."""

    path: str
    words: tuple[str, ...]
    options: tuple[str, ...]


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command()(completion)


def completion(
    shell: Annotated[Shell, typer.Argument(help="The shell.")],
) -> None:
    """Print the completion script for a shell.

    bash: eval "$(dgls completion bash)" in ~/.bashrc; zsh: the same in ~/.zshrc, after compinit;
    fish: dgls completion fish > ~/.config/fish/completions/dgls.fish
    """
    typer.echo(script(shell), nl=False)


def script(shell: Shell) -> str:
    """The completion script of a shell."""
    nodes = tuple(_nodes())
    if shell is Shell.FISH:
        return "".join(_fish(nodes))
    known = "|".join(f"'{_parent(node.path)} {node.path.split()[-1]}'" for node in nodes[1:])
    cases = "\n".join(
        f"    '{node.path}') words='{' '.join(node.words)}' options='{' '.join(node.options)}' ;;"
        for node in nodes
    )
    template = _BASH if shell is Shell.BASH else _ZSH
    return template.replace("@KNOWN@", known).replace("@CASES@", cases)


def _nodes() -> Iterator[Node]:
    """The tree of verbs, the root first."""
    from dgls.cli.app import app_of

    others = tuple(verb for verb in VERBS if verb not in DIRECT)
    root = typer.main.get_command(app_of(others))
    yield Node("", VERBS, ("--help", "--version"))
    yield Node("lsp", (), ("--help", "--stdio", "--tcp"))
    yield Node("editor", EDITORS, ("--help", *FLAGS))
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        yield from _below(name, command)


def _below(path: str, command: Any) -> Iterator[Node]:
    children = getattr(command, "commands", {})
    values = [str(v) for p in command.params if _is_argument(p) for v in _choices(p)]
    options = [name for p in command.params if not _is_argument(p) for name in _long(p)]
    yield Node(path, (*children, *values), ("--help", *options))
    for name, child in children.items():
        yield from _below(f"{path} {name}", child)


def _is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def _choices(parameter: Any) -> tuple[Any, ...]:
    """The values that an argument can take; empty if any value is allowed."""
    described = getattr(parameter, "type_descriptor", None) or parameter.type
    return tuple(getattr(described, "choices", None) or ())


def _long(parameter: Any) -> list[str]:
    names = (*parameter.opts, *parameter.secondary_opts)
    return [name for name in names if name.startswith("--") and name != "--help"]


def _parent(path: str) -> str:
    return path.rpartition(" ")[0]


_BASH = """\
# Completion of dgls for bash: eval "$(dgls completion bash)"
_dgls() {
  local current=${COMP_WORDS[COMP_CWORD]} place= word= words= options= index
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=${COMP_WORDS[index]}
    case "$place $word" in
      @KNOWN@) place="${place:+$place }$word" ;;
    esac
  done
  case "$place" in
@CASES@
  esac
  [[ $current == -* ]] && words=$options
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _dgls dgls
"""

_ZSH = """\
# Completion of dgls for zsh, after compinit: eval "$(dgls completion zsh)"
_dgls() {
  local place= word= options= found=
  local -a before=(${words[2,CURRENT-1]})
  for word in $before; do
    case "$place $word" in
      @KNOWN@) place="${place:+$place }$word" ;;
    esac
  done
  local words=
  case "$place" in
@CASES@
  esac
  [[ $PREFIX == -* ]] && words=$options
  if [[ -n $words ]]; then compadd -- ${=words}; else _files; fi
}
compdef _dgls dgls
"""


def _fish(nodes: tuple[Node, ...]) -> Iterator[str]:
    yield "# Completion of dgls for fish: ~/.config/fish/completions/dgls.fish\n"
    summaries = {verb.name: verb.summary for verbs in GROUPS.values() for verb in verbs}
    paths = {node.path for node in nodes}
    for node in nodes:
        below = [word for word in node.words if f"{node.path} {word}" in paths]
        where = _fish_condition(node, below)
        for word in node.words:
            about = summaries.get(word, "") if not node.path else ""
            told = f' -d "{about}"' if about else ""
            yield f"complete -c dgls -n '{where}' -f -a {word}{told}\n"
        for option in node.options:
            yield f"complete -c dgls -n '{where}' -l {option.removeprefix('--')}\n"


def _fish_condition(node: Node, below: Sequence[str]) -> str:
    """When a node's words apply: its path is on the line, and no verb below it."""
    if not node.path:
        return "__fish_use_subcommand"
    seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in node.path.split())
    return f"{seen}; and not __fish_seen_subcommand_from {' '.join(below)}" if below else seen
