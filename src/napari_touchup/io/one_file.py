"""The source of a network put together in one file, for places where this package is not."""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources

Needed = dict[str, set[str]]  # module -> names


def one_file(module: str, name: str) -> str:
    """Put a class or function, and all of its package that it needs, into one source.

    Parameters
    ----------
    module : such as "napari_touchup.nn.unet"
    name : what is wanted of it

    Returns
    -------
    str
        Python that imports nothing of the package. Definitions stand in an order in which they
        can be run, below the name of the file that they are from.

    Raises
    ------
    ValueError
        If two of the files define the same name.
    """
    needed: Needed = defaultdict(set)
    _gather(module, name, needed)
    counts = Counter(each for names in needed.values() for each in names)
    if twice := [each for each, count in counts.items() if count > 1]:
        raise ValueError(f"expected every name once in {sorted(needed)}, got {twice} twice")
    order = [each for each in _order(module, []) if each in needed]
    parts = [_part(_read(each), needed[each]) for each in order]
    return "\n\n\n".join(["\n".join(_foreign(needed)), *parts]) + "\n"


@dataclass(frozen=True)
class _Statement:
    node: ast.stmt
    text: str  # with its decorators and the comments above it

    @property
    def defines(self) -> tuple[str, ...]:
        match self.node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                return (name,)
            case ast.AnnAssign(target=ast.Name(id=name)):
                return (name,)
            case ast.Assign(targets=targets):
                names = (node for target in targets for node in ast.walk(target))
                return tuple(node.id for node in names if isinstance(node, ast.Name))
        return ()

    @property
    def uses(self) -> set[str]:
        return {node.id for node in ast.walk(self.node) if isinstance(node, ast.Name)}


@dataclass(frozen=True)
class _Module:
    name: str
    statements: tuple[_Statement, ...]

    @cached_property
    def defined(self) -> dict[str, _Statement]:
        return {name: each for each in self.statements for name in each.defines}

    @cached_property
    def imported(self) -> dict[str, tuple[str, str]]:
        """Name -> (module, name there) of what comes from the same package."""
        return self.own(each.node for each in self.statements)

    @property
    def package(self) -> str:
        return self.name.split(".")[0]

    def own(self, nodes: Iterable[ast.AST]) -> dict[str, tuple[str, str]]:
        """Name -> (module, name there) of what some statements import from the same package."""
        return {
            alias.name: (node.module, alias.name)
            for node in nodes
            if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{self.package}.")
            for alias in node.names
            if node.module
        }


@cache
def _read(module: str) -> _Module:
    package, *folders, file = module.split(".")
    source = resources.files(package).joinpath(*folders, f"{file}.py").read_text("utf-8")
    lines, end, found = source.splitlines(), 0, []
    for node in ast.parse(source).body:
        last = node.end_lineno or node.lineno
        found.append(_Statement(node, "\n".join(lines[end:last]).strip("\n")))
        end = last
    return _Module(module, tuple(found))


def _gather(module: str, name: str, needed: Needed) -> None:
    """Note a name of a module and, in turn, what it needs."""
    known = _read(module)
    if name in known.imported:
        _gather(*known.imported[name], needed)
    elif name in known.defined and name not in needed[module]:
        needed[module].add(name)
        statement = known.defined[name]
        inner = known.own(ast.walk(statement.node))
        for used in sorted(statement.uses):
            _gather(*inner.get(used, (module, used)), needed)


def _order(module: str, done: list[str]) -> list[str]:
    """Give a module behind those that it imports at its top, then those of its functions."""
    known = _read(module)
    above = [name for name, _ in known.imported.values()]
    everywhere = (node for each in known.statements for node in ast.walk(each.node))
    inside = [name for name, _ in known.own(everywhere).values()]
    for each in above:
        if each not in done:
            _order(each, done)
    if module not in done:
        done.append(module)
    for each in inside:
        if each not in done:
            _order(each, done)
    return done


def _part(module: _Module, names: set[str]) -> str:
    texts = [each.text for each in module.statements if names.intersection(each.defines)]
    where = module.name.replace(".", "/")
    own_import = re.compile(rf"^ +from {module.package}\..*\n", re.MULTILINE)  # in a function
    return f"# --- {where}.py\n\n" + own_import.sub("", "\n\n\n".join(texts))


def _foreign(needed: Needed) -> list[str]:
    """Import statements of what the names use of other packages."""
    found: set[str] = set()
    for module, names in needed.items():
        known = _read(module)
        used = {name for each in names for name in known.defined[each].uses}
        for statement in known.statements:
            if not known.own([statement.node]):
                found.update(_lines(statement.node, used))
    return sorted(found)


def _lines(node: ast.stmt, used: set[str]) -> Iterator[str]:
    match node:
        case ast.Import(names=aliases):
            begin = "import"
        case ast.ImportFrom(module=module, names=aliases):
            begin = f"from {module} import"
        case _:
            return
    for alias in aliases:
        name = alias.asname or alias.name.split(".")[0]
        if name in used:
            yield f"{begin} {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
