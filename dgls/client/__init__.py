"""The front-end's side of the engine: connect or start it, ask, stream, cancel."""

from dgls.client.client import EngineClient
from dgls.protocol import OnDraft, OnProgress

__all__ = ["EngineClient", "OnDraft", "OnProgress"]
