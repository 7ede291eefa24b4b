"""A model on a server with OpenAI's list of models: its name, its server, and time limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dgls.config import Settings
from dgls.engine.backends.server import Server
from dgls.errors import EngineError, RemoteError
from dgls.fill.stop import StopToken
from dgls.protocol import OnProgress

MODELS = "/v1/models"


def not_asked_yet() -> EngineError:
    """The error for a fill before the server was asked what it serves."""
    return EngineError(
        "The engine has not yet asked the server for its models; nothing was filled. Try again."
    )


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model in the server's list; `window` limits prompt and canvas together, in tokens."""

    name: str
    window: int | None = None


def served_models(fields: Any) -> tuple[ServedModel, ...]:
    """The list of models. Raises `RemoteError` for anything else."""
    try:
        return tuple(
            ServedModel(str(each["id"]), each.get("max_model_len")) for each in fields["data"]
        )
    except (AttributeError, KeyError, TypeError):
        raise RemoteError(
            "The server's answer is not a list of models; nothing was filled. Check 'remote.url'."
        ) from None


def chosen_model(models: Sequence[ServedModel], known_as: str, wanted: str = "") -> ServedModel:
    """The model called `wanted`, else the one called `known_as`, else the only one.

    Raises `RemoteError`.
    """
    by_name = {model.name: model for model in models}
    if wanted and wanted not in by_name:
        raise RemoteError(
            f"The server has no model '{wanted}', but {_listed(by_name)}; nothing was filled. "
            f"Correct 'remote.model'."
        )
    found = by_name.get(wanted or known_as) or (models[0] if len(models) == 1 else None)
    if found is None:
        raise RemoteError(
            f"The server has {_listed(by_name)}; nothing was filled. Choose with 'remote.model'."
        )
    return found


class RemoteModel:
    """The model of a server that answers in text. `name` is empty until the server was asked."""

    def __init__(self, settings: Settings) -> None:
        """Raises `SettingError` if the server's address or key is invalid."""
        self._settings = settings
        self.server = Server(settings.remote)
        self.name = ""

    @property
    def shown(self) -> str:
        """The model, and the host that code is sent to."""
        return f"{self.name or 'a model'} at {self.server.host}"

    def load(self, progress: OnProgress) -> None:
        """Ask the server for its model. Raises `RemoteError`."""
        progress(0.1, f"asking the server at {self.server.host}")
        listed = served_models(self.server.run(self.server.get(MODELS), StopToken()))
        # A server may accept names that it does not list: a router, an alias.
        known = self._settings.model.name
        self.name = self._settings.remote.model or chosen_model(listed, known).name
        progress(1.0, "ready")

    def check_asked(self) -> None:
        """Raise `EngineError` if the server was not asked yet."""
        if not self.name:
            raise not_asked_yet()


def _listed(names: Sequence[str] | dict[str, ServedModel]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "no model at all"
