"""Every error that dgls raises on purpose, as one tree.

    DglsError
    ├── InputError              what the user gave cannot be used
    │   ├── SourceFileError     no such file, a folder, binary, or not UTF-8
    │   ├── PositionError       a line or column outside the text
    │   ├── LanguageError       no grammar for this file
    │   └── SettingError        a setting with a wrong name, type or range
    ├── ModelError              the model cannot be found, loaded or run
    │   ├── ModelNotFoundError
    │   ├── ModelFetchError     a catalogue model cannot be fetched or removed
    │   ├── CheckpointError     wrong, partial or foreign checkpoint
    │   │   └── LoraError       a LoRA that does not fit the base model
    │   └── ModelMemoryError    the model, or a fill, needs more memory than there is
    ├── EngineError             the engine process cannot be reached, or failed
    │   ├── EngineUnavailableError
    │   ├── EngineBusyError     too many requests are waiting already
    │   │   └── RemoteOverloadedError    the remote server says that it is overloaded (503)
    │   ├── EngineProtocolError
    │   │   └── FieldError      one field of a request has the wrong type or value
    │   └── RemoteError         the remote server that fills for the engine failed
    ├── EditError               the answer to an instruction gives no valid edit
    ├── Stopped                 the request was stopped before it had an answer
    └── TrainingError           a corpus, recipe or checkpoint folder that training cannot use

A message says in one sentence what happened, what was left untouched and what to do next.
"""

from __future__ import annotations


class DglsError(Exception):
    """Base of all errors raised on purpose. `exit_status` is the command line's exit status."""

    exit_status = 1


class InputError(DglsError):
    """What the user gave cannot be used."""

    exit_status = 2


class SourceFileError(InputError):
    """The source file does not exist, is a folder, is binary, or is not UTF-8."""

    exit_status = 3


class PositionError(InputError):
    """A line or column that lies outside the text."""

    exit_status = 4


class LanguageError(InputError):
    """No grammar is installed for this file."""

    exit_status = 5


class SettingError(InputError):
    """A setting has a wrong name, type or range."""


class ModelError(DglsError):
    """The model cannot be found, loaded or run."""

    exit_status = 6


class ModelNotFoundError(ModelError):
    """This machine has no model of that name or at that path."""


class ModelFetchError(ModelError):
    """A catalogue model cannot be fetched, written or removed."""


class CheckpointError(ModelError):
    """The checkpoint is wrong, partial, or of another kind of model."""


class LoraError(CheckpointError):
    """The LoRA is wrong, partial, or for another base; the model runs without it."""


class ModelMemoryError(ModelError):
    """Memory does not suffice to load a model, or for a step of a fill."""


class EngineError(DglsError):
    """The engine process cannot be reached, or it failed."""

    exit_status = 7


class EngineUnavailableError(EngineError):
    """The engine could not be started or reached."""


class EngineBusyError(EngineError):
    """Too many requests are waiting for the engine; this one was refused."""


class RemoteOverloadedError(EngineBusyError):
    """The remote server that fills for the engine is overloaded (503)."""


class EngineProtocolError(EngineError):
    """The engine's answer is not understood by this version."""


class FieldError(EngineProtocolError):
    """One field of a request, named by `field`, has the wrong type or value."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field

    @classmethod
    def must_be(cls, field: str, wanted: str) -> FieldError:
        """The error for a field that should have been something else."""
        return cls(f"'{field}' must be {wanted}; nothing was filled.", field)


class RemoteError(EngineError):
    """The remote server that fills for the engine cannot be reached, refused or failed."""


class Stopped(DglsError):
    """The request was stopped (cancelled, superseded) before it had an answer.

    `reason` is a word or two; empty if none was given.
    """

    exit_status = 8

    def __init__(self, message: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class EditError(DglsError):
    """A model's answer to an instruction gives no valid edit."""

    exit_status = 10


class TrainingError(DglsError):
    """A corpus, recipe or checkpoint folder that training cannot use."""

    exit_status = 9


def error_of_kind(kind: str, message: str) -> DglsError:
    """An error of the class named `kind`; an unknown kind becomes `EngineError`."""
    return _error_kinds(DglsError).get(kind, EngineError)(message)


def _error_kinds(root: type[DglsError]) -> dict[str, type[DglsError]]:
    kinds = {root.__name__: root}
    for child in root.__subclasses__():
        kinds |= _error_kinds(child)
    return kinds
