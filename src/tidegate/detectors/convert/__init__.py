"""Converters: models that are published for other runtimes, written as ONNX files.

A model that is fetched is untrusted until its digest is that of the source that was
reviewed. Nothing is parsed before, and nothing of it is ever run.
"""


class ConversionError(ValueError):
    """A model that cannot be fetched or converted. The message names it and the reason."""
