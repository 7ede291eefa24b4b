"""The front-end's side of the engine: reach or start it, ask, stream, cancel."""

from dgls.client.api import OnDraft
from dgls.client.client import EngineClient, OnProgress

__all__ = ["EngineClient", "OnDraft", "OnProgress"]
