"""What the guide says is there: links, pictures, commands, code, options, buttons."""

import ast
import re
import runpy
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main

import napari_touchup as touchup
from napari_touchup import options
from napari_touchup.cli import app
from napari_touchup.nn.build import ARCHITECTURES


def is_options(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, options.Options)


ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs" / "guide"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(GUIDE.glob("*.md"))}
COMMANDS = typer.main.get_command(app).commands
FLAGS = {
    flag
    for command in COMMANDS.values()
    for param in command.params
    for flag in (*param.opts, *param.secondary_opts)
}
FENCE = re.compile(r"(<!-- runs -->\n)?^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TABLE = re.compile(r"^\| option \| default \|.*\n\|[-|]+\n((?:\|.*\n)+)", re.MULTILINE)

DEFAULTS = [
    options.TrainOptions.fine_tuning(),
    *(kind() for kind in vars(options).values() if is_options(kind)),
]
pages = pytest.mark.parametrize("page", PAGES)


def blocks(page: str, language: str) -> list[tuple[str, bool]]:
    """Code of a page in a language, and whether it is marked to be run."""
    found = FENCE.findall(PAGES[page])
    return [(code, bool(runs)) for runs, name, code in found if name == language]


def prose(page: str) -> str:
    return FENCE.sub("", PAGES[page])


def command_lines() -> list[str]:
    return [line for page in PAGES for code, _ in blocks(page, "sh") for line in code.splitlines()]


def headings(text: str) -> set[str]:
    """Anchors of the headings of a page, as GitHub and myst make them."""
    found = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in found}


@pages
def test_links_lead_somewhere(page: str) -> None:
    for link in LINK.findall(prose(page)):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        path = GUIDE / name if name else GUIDE / f"{page}.md"
        assert path.is_file(), link
        assert not anchor or anchor in headings(path.read_text(encoding="utf-8")), link


def test_every_page_is_listed() -> None:
    (listed, _), *_ = blocks("index", "{toctree}")
    names = [line for line in listed.splitlines() if line and not line.startswith(":")]
    assert sorted([*names, "index"]) == list(PAGES)
    assert set(names) == set(re.findall(r"\(([\w-]+)\.md\)", PAGES["index"]))


@pytest.mark.parametrize("line", command_lines())
def test_commands_are_understood(line: str) -> None:
    program, name, *words = shlex.split(line, comments=True)
    assert program == "touchup"
    COMMANDS[name].make_context(name, words)  # raises; nothing is run


@pages
def test_options_and_commands_in_the_text_are_there(page: str) -> None:
    for words in re.findall(r"`((?:touchup|--)[^`]+)`", prose(page)):
        first, *others = shlex.split(words)
        if first == "touchup":
            assert others[0] in {*COMMANDS, "COMMAND"}, words
        for word in (first, *others):
            assert not word.startswith("--") or word in {*FLAGS, "--help"}, words


def test_every_network_is_told_of() -> None:
    table = PAGES["models"].partition("| `--arch` |")[2].partition("\n\n")[0]
    assert set(ARCHITECTURES) <= set(re.findall(r"`([\w-]+)`", table))


@pages
def test_options_in_tables_have_these_defaults(page: str) -> None:
    for rows in TABLE.findall(PAGES[page]):
        for row in rows.splitlines():
            _, cell, default, *_ = (part.strip() for part in row.split("|"))
            name = cell.strip("`")
            there = [getattr(each, name) for each in DEFAULTS if hasattr(each, name)]
            assert there, f"{name} is no option"
            assert any(same(value, default) for value in there), f"{name}: {there}, not {default}"


def same(value: object, text: str) -> bool:
    try:
        return value == ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return str(value) == text


@pages
def test_bold_words_stand_in_the_window(page: str) -> None:
    """Bold is kept for what a person sees there."""
    words = set(re.findall(r"\*\*(.+?)\*\*", prose(page)))
    texts = window_texts()
    missing = {word for word in words if not any(text.startswith(word) for text in texts)}
    assert missing == set()


@cache
def window_texts() -> set[str]:
    found = set()
    for folder in ("ui", "session"):
        for path in (ROOT / "src" / "napari_touchup" / folder).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.add(node.value.replace("&&", "&"))
    return found


def test_tools_and_their_keys_are_those_of_the_window() -> None:
    table = PAGES["correcting"].partition("| button | key |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| \*\*(.+?)\*\* \| (.*?) ?\|", table, re.MULTILINE)
    named = {"UNDO": "Ctrl+Z", "REDO": "Ctrl+Shift+Z"}
    code = (ROOT / "src" / "napari_touchup" / "ui" / "correct_tools.py").read_text("utf-8")
    tools = {}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Tool":
            _, title, _, _, *key = node.args
            words = [named[k.id] if isinstance(k, ast.Name) else ast.literal_eval(k) for k in key]
            tools[ast.literal_eval(title)] = "".join(words)
    assert dict(rows) == tools


@pages
def test_python_can_be_run(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for code, runs in blocks(page, "python"):
        compiled = compile(code, f"{page}.md", "exec")
        if runs:
            exec(compiled, names)


def test_all_that_is_public_is_in_the_reference() -> None:
    told = re.findall(r"^\.\. auto\w+:: napari_touchup\.(\w+)$", PAGES["api"], re.MULTILINE)
    assert sorted(told) == sorted(touchup.__all__)


def test_figures_are_those_that_are_drawn(tmp_path: Path) -> None:
    runpy.run_path(str(GUIDE / "figures.py"))["main"](tmp_path / "figures")
    drawn = {path.name for path in (tmp_path / "figures").iterdir()}
    assert drawn == {path.name for path in (GUIDE / "figures").iterdir()}
    shown = {link for text in PAGES.values() for link in LINK.findall(text)}
    assert {f"figures/{name}" for name in drawn} <= shown


def test_no_paths_of_a_machine() -> None:
    for text in PAGES.values():
        assert not re.search(r"(?<![\w.])/(home|root|tmp|work|Users)\b", text)
