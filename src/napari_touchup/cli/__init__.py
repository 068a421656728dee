"""The `touchup` command: each command thin, in a file of its own."""

from napari_touchup.cli.app import app, main

__all__ = ["app", "main"]
