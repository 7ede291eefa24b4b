"""From a place in an open document to a request of the engine."""

from __future__ import annotations

from pathlib import Path, PurePath

from dgls.config import Settings
from dgls.lsp.documents import Document
from dgls.lsp.server import DglsServer
from dgls.policy.place import parts_in
from dgls.protocol import FillRequest, Gap, Limits, Trigger
from dgls.syntax.cursor import Budget, Context


def budget_of(settings: Settings) -> Budget:
    """How much of the document the model sees."""
    return Budget(settings.fill.prefix_chars, settings.fill.suffix_chars)


def fill_request(
    server: DglsServer,
    document: Document,
    context: Context,
    gap: Gap,
    method: str,
    trigger: Trigger,
    least_candidates: int = 1,
) -> FillRequest:
    """The request that fills one gap of a document within the settings' limits."""
    everything = server.settings_for(document)
    settings = everything.fill
    roots = tuple(map(Path, server.folders))
    automatic = trigger is Trigger.AUTOMATIC
    deadline = settings.automatic_deadline_ms if automatic else settings.explicit_deadline_ms
    return FillRequest(
        parts=context.parts,
        gaps=(gap,),
        path=path_in_project(document.path, server.folders),
        language=document.source.language.id if document.source else document.language_id,
        version=document.version,
        client=server.client_id,
        method=method,
        trigger=trigger,
        snippets=server.surroundings.snippets(
            document,
            server.documents.now,
            roots,
            everything.context,
            server.privacy_for(document),
        ),
        limits=Limits(deadline or None, max(least_candidates, settings.candidates)),
        around=context.around,
    )


def path_in_project(path: str, folders: list[str]) -> str:
    """The path from the innermost open folder on, else the bare file name.

    What lies above (a home folder, a user's name) tells the model nothing.
    """
    names = parts_in(path, map(Path, folders))
    return "/".join(names) if names else PurePath(path).name
