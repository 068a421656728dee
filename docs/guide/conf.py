"""How sphinx builds the guide, and the studies beside it: make docs."""

import inspect
import re
from importlib import metadata
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from sphinx.application import Sphinx

from napari_touchup.options import Options

project = "napari-touchup"
author = "The napari-touchup developers"
version = release = metadata.version("napari-touchup")

root_doc = "guide/index"  # the source is docs/, for links from the guide to the studies
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

html_theme = "alabaster"
html_title = "Touch-Up"
html_theme_options = {
    "description": "Segment, mend, teach: a U-Net in napari",
    "fixed_sidebar": True,
    "page_width": "1080px",
    "code_font_size": "0.76em",  # lines of 100 characters fit
}
html_show_sourcelink = False
html_show_copyright = False  # the licence is a file of its own

napoleon_google_docstring = False
napoleon_use_ivar = True  # else attributes of dataclasses are told of twice
autodoc_typehints = "none"  # the docstrings say more: shapes, ranges, units
autodoc_member_order = "bysource"
autodoc_default_options = {"exclude-members": "__init__, __new__"}

# an attribute of options in the source, and what stands behind it: its meaning and unit
COMMENT = re.compile(r"^    (\w+): .*  # (.+)$", re.MULTILINE)
DEFAULTS = re.compile(r"(\w+Options)\((?:[^()]|\([^()]*\))*\)")  # all values, in a signature


def tell_of_fields(
    _app: Sphinx, _what: str, _name: str, obj: Any, _options: Any, lines: list[str]
) -> None:
    """Add a section with each attribute of options, from the comments behind them."""
    if not (isinstance(obj, type) and issubclass(obj, Options)):
        return
    comments = dict(COMMENT.findall(inspect.getsource(obj)))
    lines += ["", "Attributes", "----------"]
    for name, field in obj.model_fields.items():
        lines += [f"{name} : {described(field)}", f"    {comments.get(name, '')}"]


def described(field: FieldInfo) -> str:
    """Give what an attribute may be, and what it is if nothing is said."""
    known = not (field.default_factory or field.is_required())
    default = DEFAULTS.sub(r"\1()", f", by default {field.default!r}") if known else ""
    return f"{told(field.annotation)}{default}"


def told(annotation: Any) -> str:
    """Spell a type.

    >>> told(Literal["a", "b"] | None)
    "'a' or 'b' or None"
    """
    match get_origin(annotation):
        case None:
            return "None" if annotation is type(None) else getattr(annotation, "__name__", "")
        case found if found is Annotated:
            return told(get_args(annotation)[0])
        case found if found is Literal:
            return " or ".join(map(repr, get_args(annotation)))
        case found if found in (Union, UnionType):
            return " or ".join(map(told, get_args(annotation)))
        case found:
            return str(found.__name__)


def shorten(
    _app: Sphinx, _what: str, _name: str, _obj: Any, _options: Any, signature: str, returned: str
) -> tuple[str, str] | None:
    """Leave all values of options out of a signature; each has a row of its own."""
    return (DEFAULTS.sub(r"\1()", signature), returned) if signature else None


def setup(app: Sphinx) -> None:
    # before napoleon, which reads the section that is added here
    app.connect("autodoc-process-docstring", tell_of_fields, priority=100)
    app.connect("autodoc-process-signature", shorten)
