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

This page, the schema [dgls.schema.json](dgls.schema.json) and the settings of the VS Code extension
are written by `python -m dgls.config`; a test compares them with the code.

Later sources win:

1. the defaults below;
2. `dgls.toml` in your configuration folder (`~/.config/dgls/` on Linux);
3. the nearest `dgls.toml` in the folder of the file or above it;
4. the environment;
5. what you say explicitly: a command-line option, your editor's settings. Where an
   editor sends every setting, those that have their default value do not count.

```toml
[model]
name = "embedded"

[show]
threshold = 0.6
languages_off = ["python"]

[privacy]
secrets = ["*.secret"]
```

A list adds to the lists of earlier sources and replaces nothing. In the environment, separate its
texts with commas. A changed `dgls.toml` takes effect at the next keystroke, without a restart.

`DGLS_MODELS` is not a setting: it names the folder of the models that `dgls model get` fetches
(`models` in your cache folder for dgls).

dgls reports a bad setting by its name and place, and keeps all others. A project's file comes with
somebody's repository, so it may set only what the column "project" allows: it cannot choose the
model, the code that runs, or where requests go.

`denoise.*` turns the loop that writes several tokens at once; what that costs in quality and time
is in [performance.md](performance.md#what-the-knobs-of-the-denoise-loop-cost). `auto` leaves a
number to the model. The local 26B and the embedded model obey all of them, a vLLM server `steps`
and `canvas`. The laptop model verifies its drafts, so its text is the same whatever they say, and
`canvas` and `adapter` alone change its time. `remote.steps` and `remote.canvas` are older names of
`denoise.steps` and `denoise.canvas`: they still count, unless the new name is set beside them.

You can turn suggestions off for everything (`show.automatic`), for a language
(`show.languages_off`), for files or folders (`show.files_off`, or a `dgls.toml` in the folder), and
for a while: the editor's command `dgls.snooze` takes the minutes, and `dgls.resume` ends it. Off
means that the model is not asked.
"""


_STATUS = """
## What an editor can show

`dgls/status` is a notification for clients that say `{"dglsStatus": true}` in
`capabilities.experimental`; the others get the standard progress while the model loads, and
messages.

| field | what it is |
|---|---|
| `state` | `loading`, `ready`, `slow`, `off` or `failed` |
| `message` | for a person: what is loaded, why it is slow or off, what failed and what to do |
| `percent` | 0 to 100, while it loads |
| `model`, `device` | what fills, and where |
| `cores` | how many CPU cores it takes, where it runs on the CPU |
| `p50_ms` | how long half of the last fills took at most |
| `quiet` | why nothing is suggested at the cursor |
| `remedy` | what ends an `off` |
| `line` | all of it in one line: `Qwen2.5-Coder 0.5B, 2 cores, usually 160 ms; quiet here: ...` |

The command `dgls.why` (a URI and a position, or nothing for the last suggestion) answers with what
`dgls why --json` prints, and with `text`, the same for a person. That is also shown as a message,
unless the client says `{"dglsExplanation": true}`, as one does that shows `text` itself.

`dgls stats` prints how many suggestions were shown, accepted whole, and still there 30 seconds
later, by language and by how long they took. The counts are in a file in your state folder
(`~/.local/state/dgls/` on Linux), contain no code, and are never sent; `dgls stats --clear` deletes
them.
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
