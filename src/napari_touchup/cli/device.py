"""The option that several commands have: where they compute."""

from typing import Annotated

import typer

DeviceName = Annotated[
    str, typer.Option(metavar="NAME", help="auto, cpu, mps, cuda or cuda:N (card number).")
]
