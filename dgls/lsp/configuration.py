"""The editor's settings: from `initializationOptions`, and later from the section "dgls"."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lsprotocol import types

from dgls.config import DECLARED, LiveSettings
from dgls.lsp.convert import path_of
from dgls.lsp.server import DglsServer

SECTION = "dgls"


def register(server: DglsServer) -> None:
    """Read the settings when the client starts, and after each change."""
    session = _Session(server)

    def initialize(params: types.InitializeParams) -> None:
        session.initialize(params)

    server.feature(types.INITIALIZE)(initialize)
    server.feature(types.INITIALIZED)(server.tasks.guarded(session.initialized))
    server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)(server.tasks.guarded(session.changed))


def section_of(value: object) -> dict[str, Any]:
    """The settings in an editor's message: its section "dgls", or else all of it.

    Anything but an object has no settings.
    """
    if not isinstance(value, Mapping):
        return {}
    inner = value.get(SECTION, value)
    return dict(inner) if isinstance(inner, Mapping) else {}


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings with those of `above` on top."""
    result = dict(below)
    for name, value in above.items():
        old = result.get(name)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[name] = merged(old, value) if both else value  # type: ignore[arg-type]
    return result


def without(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings without those in `above`."""
    kept: dict[str, Any] = {}
    for name, value in below.items():
        over = above.get(name)
        if isinstance(value, Mapping) and isinstance(over, Mapping):
            kept[name] = without(value, over)
        elif name not in above:
            kept[name] = value
    return kept


def said(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that differ from the default.

    An editor that knows every setting sends the defaults too; if they counted as the user's, they
    would override each `dgls.toml`.
    """
    kept: dict[str, Any] = {}
    for section, items in values.items():
        if not isinstance(items, Mapping):
            kept[section] = items
            continue
        kept[section] = {
            name: value
            for name, value in items.items()
            if not _is_default(f"{section}.{name}", value)
        }
    return kept


def _is_default(name: str, value: object) -> bool:
    declared = DECLARED.get(name)
    if declared is None:
        return False
    return bool((tuple(value) if isinstance(value, list) else value) == declared.default)


class _Session:
    """One client's settings."""

    def __init__(self, server: DglsServer) -> None:
        self._server = server
        self._options: dict[str, Any] = {}

    def initialize(self, params: types.InitializeParams) -> None:
        self._options = section_of(params.initialization_options)
        self._server.root = _root_of(params)
        self._server.live = LiveSettings(self._options)
        self._server.begin(params)
        if not _can_be_asked(params.capabilities):
            self._server.configured.set()

    async def initialized(self, params: types.InitializedParams) -> None:
        capabilities = self._server.client_capabilities
        if _wants_registration(capabilities):
            self._server.tasks.spawn(self._ask_for_changes())
        if _can_be_asked(capabilities):
            await self._pull()
        else:
            self._tell()

    async def changed(self, params: types.DidChangeConfigurationParams) -> None:
        if _can_be_asked(self._server.client_capabilities):
            await self._pull()
        else:
            self._take(section_of(params.settings))
            self._tell()

    async def _pull(self) -> None:
        items = [types.ConfigurationItem(section=SECTION)]
        try:
            answer = await self._server.workspace_configuration_async(
                types.ConfigurationParams(items=items)
            )
            self._take(section_of(answer[0] if answer else None), complete=True)
        finally:
            self._server.configured.set()
            self._tell()

    def _take(self, values: Mapping[str, Any], *, complete: bool = False) -> None:
        """Let `values` override the initialization options; `complete` ones include defaults."""
        options = without(self._options, values)
        self._server.live = LiveSettings(merged(options, said(values) if complete else values))
        self._server.refresh()

    def _tell(self) -> None:
        self._server.complain(self._server.live.at(self._server.root).messages)

    async def _ask_for_changes(self) -> None:
        method = types.WORKSPACE_DID_CHANGE_CONFIGURATION
        options = types.DidChangeConfigurationRegistrationOptions(section=SECTION)
        registration = types.Registration(
            id="dgls-settings", method=method, register_options=options
        )
        await self._server.client_register_capability_async(
            types.RegistrationParams(registrations=[registration])
        )


def _root_of(params: types.InitializeParams) -> Path | None:
    """The folder that the editor works in: its first workspace folder."""
    folders = params.workspace_folders or []
    uri = folders[0].uri if folders else params.root_uri
    path = path_of(uri) if uri else params.root_path
    return Path(path) if path else None


def _can_be_asked(capabilities: types.ClientCapabilities) -> bool:
    """Whether the client answers `workspace/configuration`."""
    return bool(capabilities.workspace and capabilities.workspace.configuration)


def _wants_registration(capabilities: types.ClientCapabilities) -> bool:
    """Whether the client reports changed settings only to a server that registers for it."""
    workspace = capabilities.workspace
    change = workspace.did_change_configuration if workspace else None
    return bool(change and change.dynamic_registration)
