"""What of a model's answer may be shown or written.

One answer, one gap, one function: `dgls.sound.clean.sound`. Every way in uses it: inline
completion, completion, code action, `dgls fill` and the dialects of other people's clients.
"""
