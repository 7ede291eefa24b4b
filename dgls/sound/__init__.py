"""Decides which part of a model's answer may be shown or written.

`dgls.sound.clean.sound` takes one answer and one gap. Inline completion, completion, code actions,
`dgls fill` and the dialects of other clients all use it.
"""
