"""Files generated from the declared settings: a page, a schema, a part of the VS Code manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dgls.config.sections.declaring import AUTO
from dgls.config.settings import DECLARED, Declared

_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", tuple: "array"}
_SCHEMA = "https://json-schema.org/draft/2020-12/schema"

PAGE = "docs/configuration.md"
SCHEMA = "docs/dgls.schema.json"
MANIFEST = "editors/vscode/package.json"
GENERATED = (PAGE, SCHEMA, MANIFEST)
"""The generated files, by their paths in the repository."""


def generated_file(name: str, root: Path) -> str:
    """The full text of a generated file; of the manifest only a part is generated."""
    if name == PAGE:
        return page()
    if name == SCHEMA:
        return _json(schema())
    return _json(with_settings(json.loads((root / MANIFEST).read_text(encoding="utf-8"))))


def page() -> str:
    """The full text of `docs/configuration.md`."""
    return f"{_PAGE}\n{_table()}{_STATUS}"


def schema() -> dict[str, Any]:
    """A JSON schema of `dgls.toml`, and of the object "dgls" in an editor's settings."""
    sections: dict[str, dict[str, Any]] = {}
    for declared in DECLARED.values():
        section, _, name = declared.name.partition(".")
        sections.setdefault(section, {})[name] = _property(declared, "description")
    return {
        "$schema": _SCHEMA,
        "title": "Settings of dgls",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: {"type": "object", "additionalProperties": False, "properties": items}
            for name, items in sections.items()
        },
    }


def with_settings(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest of the VS Code extension with the present settings of the server.

    The extension's own settings are in other parts of `contributes.configuration`.
    """
    settings = vscode_configuration()
    contributes = manifest["contributes"]
    others = [part for part in contributes["configuration"] if part["title"] != settings["title"]]
    return {**manifest, "contributes": {**contributes, "configuration": [*others, settings]}}


def vscode_configuration() -> dict[str, Any]:
    """The server's part of `contributes.configuration` of a VS Code extension.

    Settings that a project may not choose have the scope "machine", for which VS Code takes no
    value from a workspace.
    """
    properties = {
        f"dgls.{declared.name}": {
            **_property(declared, "markdownDescription"),
            "scope": "resource" if declared.project else "machine",
        }
        for declared in DECLARED.values()
    }
    return {"title": "dgls", "properties": properties}


def _property(declared: Declared, description: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": _TYPES[declared.kind],
        "default": declared.default,
        description: declared.doc,
    }
    if declared.number is not None:
        found["type"] = [_TYPES[declared.number], "string"]
        found["pattern"] = f"^{AUTO}$"
    if declared.kind is tuple:
        found["items"] = {"type": "string"}
    if declared.choices:
        found["enum"] = list(declared.choices)
    if declared.low is not None:
        found["minimum"] = declared.low
    if declared.high is not None:
        found["maximum"] = declared.high
    return found


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


_PAGE = """# Configuration

`python -m dgls.config` writes this page, the schema [dgls.schema.json](dgls.schema.json) and the
settings of the VS Code extension. A test compares them with the code.

dgls reads settings from these places. Later ones win:

1. the defaults below;
2. `dgls.toml` in your configuration folder (`~/.config/dgls/` on Linux);
3. the nearest `dgls.toml` in the folder of the file or above it;
4. the environment;
5. command-line options and your editor's settings. If an editor sends every setting, those that
   have their default value do not count.

```toml
[model]
name = "embedded"

[show]
threshold = 0.6
languages_off = ["python"]

[privacy]
secrets = ["*.secret"]
```

A list is added to the lists of earlier places. In the environment, separate the items of a list
with commas. A change to `dgls.toml` takes effect at the next keystroke, without a restart.

`DGLS_MODELS` is not a setting. It names the folder for the models that `dgls model get` fetches
(by default `models` in the cache folder of dgls).

dgls reports a bad setting by its name and place, and keeps all others. A project's `dgls.toml` may
come from somebody else, so it may set only what the column "project" allows. It cannot choose the
model, the code that runs, or where requests go.

`denoise.*` controls the loop that writes several tokens at once.
[performance.md](performance.md#what-the-knobs-of-the-denoise-loop-cost) says what each value costs
in quality and time. `auto` leaves a number to the model. The local 26B and the embedded model use
all of these settings; a vLLM server uses only `steps` and `canvas`. The laptop model verifies its
drafts, so none of them changes its text, and only `canvas` and `adapter` change its time.
`remote.steps` and `remote.canvas` are old names of `denoise.steps` and `denoise.canvas`. They still
work unless the new name is also set.

You can turn suggestions off for everything (`show.automatic`), for a language
(`show.languages_off`), for files or folders (`show.files_off`, or a `dgls.toml` in the folder), or
for a while: the command `dgls.snooze` takes a number of minutes, and `dgls.resume` ends it. While
suggestions are off, the model is not asked.
"""


_STATUS = """
## What an editor can show

The server sends the notification `dgls/status` to clients that say `{"dglsStatus": true}` in
`capabilities.experimental`. Other clients get standard messages, and standard progress while the
model loads and while a fill that you asked for takes more than half a second.

| field | what it is |
|---|---|
| `state` | `loading`, `ready`, `slow`, `off` or `failed` |
| `message` | for the user: what is loaded, why it is slow or off, what failed and what to do |
| `percent` | 0 to 100, while the model loads |
| `model`, `device` | which model fills, and where |
| `cores` | how many CPU cores it uses, if it runs on the CPU |
| `p50_ms` | median time of the last fills |
| `quiet` | why dgls suggests nothing at the cursor |
| `remedy` | how to end the state `off` |
| `doing` | what you asked for, such as `filling`, while it takes more than half a second |
| `line` | all of it in one line: `Qwen2.5-Coder 0.5B, 2 cores, usually 160 ms; quiet here: ...` |

The command `dgls.why` takes a URI and a position, or nothing to explain the last suggestion. Its
result is what `dgls why --json` prints, plus the same as `text` for the user. The server also shows
that text as a message, unless the client says `{"dglsExplanation": true}` because it shows `text`
itself.

`dgls stats` prints how many suggestions were shown, how many were accepted whole, and how many were
still there 30 seconds later, by language and by how long they took. It reads the counts from a file
in your state folder (`~/.local/state/dgls/` on Linux). The file holds no code and is never sent.
`dgls stats --clear` deletes the counts.
"""


def _table() -> str:
    lines = ["| setting | default | environment | project | meaning |", "|---|---|---|---|---|"]
    for item in DECLARED.values():
        project = "yes" if item.project else "no"
        lines.append(
            f"| `{item.name}` | `{_shown(item.default)}` | `{item.variable}` | {project} "
            f"| {item.doc} |"
        )
    return "\n".join(lines) + "\n"


def _shown(default: Any) -> str:
    """A default as in `dgls.toml`, texts without their quotes."""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return "[]" if not default else str(list(default))
    return str(default) or '""'
