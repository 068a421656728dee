"""Link the fluorescence images of dsb2018 into a folder, and list those that are held out.

PYTHONPATH=docs/default_model python docs/compare/fluorescence.py DSB2018 FOLDER
"""

import argparse
from pathlib import Path

from images import Entry, entries

KIND = "fluo"
LIST = "held_out.txt"


def link(data: Path, folder: Path) -> None:
    """Make `folder` with images, masks and the list; whole acquisition groups are held out."""
    held_out = [entry for entry in entries(held_out=True) if entry.kind == KIND]
    learned = [entry for entry in entries(held_out=False) if entry.kind == KIND]
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
        for entry in (*held_out, *learned):
            name = _name(entry)
            (folder / part / name).symlink_to((data / part / name).resolve())
    (folder / LIST).write_text("".join(f"{entry.stem}\n" for entry in held_out))


def _name(entry: Entry) -> str:
    return f"{entry.stem}.tif"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the folder of dsb2018")
    parser.add_argument("folder", type=Path, help="what is made")
    arguments = parser.parse_args()
    link(arguments.data, arguments.folder)
