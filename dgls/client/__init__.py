"""The front-end's side of the engine: reach or start it, ask, stream, cancel."""

from dgls.client.client import EngineClient, OnProgress
from dgls.protocol import OnDraft

__all__ = ["EngineClient", "OnDraft", "OnProgress"]
