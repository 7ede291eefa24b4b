"""The sections of the settings, each a dataclass whose fields are declared settings."""
