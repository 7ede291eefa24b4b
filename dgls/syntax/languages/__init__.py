"""The languages that dgls reads, and how a file's language is found.

Each language has its own module, which is loaded with the first file in that language.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass

from dgls.errors import LanguageError
from dgls.syntax.language import PLAIN, Language

__all__ = [
    "LANGUAGES",
    "Known",
    "Language",
    "known_named",
    "known_of",
    "language_named",
    "language_of",
    "language_of_document",
]

_AROUND = re.compile(
    r"^(?:text|application)/(?:x-)?|(?:[-_ ]ts|[-_ ]?(?:ts-mode|mode|[\d.]+|\([^()]*\))|src)$"
)
_LONGEST = 100
"""The most characters of a language's name; the rest is ignored."""

_PLAIN_TEXT = frozenset({"plaintext", "plain", "text", "txt", "plain text", "fundamental"})


@dataclass(frozen=True, slots=True)
class Known:
    """A language by its names.

    `ids` are what editors call it, in lower case; the first is the protocol's. `module` is the
    module of this package, with the language in a constant of the same name in capitals, or in
    `constant`. `holds_code` is False for languages of data and prose, which have no scopes.
    """

    ids: tuple[str, ...]
    name: str
    suffixes: tuple[str, ...]
    module: str
    constant: str = ""
    filenames: tuple[str, ...] = ()
    holds_code: bool = True

    def load(self) -> Language:
        """The language's data."""
        module = importlib.import_module(f"{__name__}.{self.module}")
        language = getattr(module, self.constant or self.module.upper())
        assert isinstance(language, Language)
        return language

    def names(self, path: str) -> bool:
        """Whether a file with this path is in the language."""
        filename = re.split(r"[\\/]", path)[-1]
        return filename in self.filenames or filename.lower().endswith(self.suffixes)


LANGUAGES: tuple[Known, ...] = (
    Known(
        ("python", "py"),
        "Python",
        (".py", ".pyi", ".pyw"),
        "python",
        filenames=("SConstruct", "SConscript", "wscript"),
    ),
    Known(
        ("javascript", "javascriptreact", "js", "jsx"),
        "JavaScript",
        (".js", ".jsx", ".mjs", ".cjs"),
        "javascript",
    ),
    Known(("typescript", "ts"), "TypeScript", (".ts", ".mts", ".cts"), "typescript"),
    Known(("typescriptreact", "tsx"), "TSX", (".tsx",), "typescript", "TSX"),
    Known(("rust", "rs"), "Rust", (".rs",), "rust"),
    Known(("go", "golang"), "Go", (".go",), "go"),
    Known(("java",), "Java", (".java",), "java"),
    Known(("c",), "C", (".c", ".h"), "c"),
    Known(
        ("cpp", "c++", "cxx", "cuda-cpp", "cuda"),
        "C++",
        (".cpp", ".cc", ".cxx", ".hpp", ".hh", ".hxx", ".ipp", ".cu", ".cuh"),
        "c",
        "CPP",
    ),
    Known(("csharp", "cs", "c-sharp", "c#"), "C#", (".cs",), "csharp"),
    Known(
        ("ruby", "rb"),
        "Ruby",
        (".rb", ".rake", ".gemspec"),
        "ruby",
        filenames=("Rakefile", "Gemfile"),
    ),
    Known(("php",), "PHP", (".php",), "php"),
    Known(("kotlin", "kt"), "Kotlin", (".kt", ".kts"), "kotlin"),
    Known(("lua",), "Lua", (".lua",), "lua"),
    Known(
        ("shellscript", "bash", "sh", "shell", "shell script", "shell-script", "zsh", "ksh"),
        "Bash",
        (".sh", ".bash"),
        "bash",
        filenames=(".bashrc", ".bash_profile", ".bash_aliases"),
    ),
    Known(("markdown", "md"), "Markdown", (".md", ".markdown"), "markdown", holds_code=False),
    Known(("html",), "HTML", (".html", ".htm"), "web", "HTML", holds_code=False),
    Known(("css",), "CSS", (".css",), "web", "CSS", holds_code=False),
    Known(("sql",), "SQL", (".sql",), "sql", holds_code=False),
    Known(("yaml", "yml"), "YAML", (".yaml", ".yml"), "data", "YAML", holds_code=False),
    Known(
        ("toml",),
        "TOML",
        (".toml",),
        "data",
        "TOML",
        filenames=("Cargo.lock", "poetry.lock", "uv.lock"),
        holds_code=False,
    ),
    Known(("json", "jsonc"), "JSON", (".json", ".jsonc"), "data", "JSON", holds_code=False),
)


_BY_NAME = {
    name: known
    for known in reversed(LANGUAGES)
    for name in (*(suffix[1:] for suffix in known.suffixes), known.name.lower(), *known.ids)
}


def known_of(path: str) -> Known | None:
    """The language of a file by its name; None if dgls does not read it."""
    return next((known for known in LANGUAGES if known.names(path)), None)


def known_named(said: str) -> Known | None:
    """The language that an editor, a user or a text calls `said`; None for an unknown one.

    Case is ignored, and so are a version or an editor's mode at the end (`python3.11`, `js2-mode`)
    and a content type's prefix (`text/x-python`). A suffix is a name too; of several names with
    dots between them the last known one counts (`javascript.jsx`).
    """
    parts = [said[:_LONGEST].strip().lower()]
    while (shorter := _AROUND.sub("", parts[-1])) != parts[-1]:
        parts.append(shorter)
    parts += reversed(parts[0].split("."))
    return next((_BY_NAME[part] for part in parts if part in _BY_NAME), None)


def language_of(path: str, language_id: str | None = None) -> Language:
    """The language of a file by its `language_id` if given, else by its name.

    Raises `LanguageError`, which lists the supported languages.
    """
    said = (language_id or "").strip()
    known = known_named(said) if said else known_of(path)
    if known is not None:
        return known.load()
    what = f"the language {language_id!r}" if said else f"the file {path!r}"
    all_known = ", ".join(f"{each.name} ({', '.join(each.suffixes)})" for each in LANGUAGES)
    raise LanguageError(
        f"dgls has no grammar for {what}, so nothing was done; it reads {all_known}."
    )


def language_of_document(path: str, language_id: str) -> Language:
    """The language of a document in an editor.

    An unknown id, as for a framework's files, falls back to the file's name; plain text does not.
    Raises `LanguageError` for an unsupported language.
    """
    said = language_id.strip().lower()
    return language_of(path, language_id if known_named(said) or said in _PLAIN_TEXT else None)


def language_named(language_id: str) -> Language:
    """The language called `language_id`; `PLAIN` for one without a grammar here."""
    known = known_named(language_id)
    return known.load() if known else PLAIN
