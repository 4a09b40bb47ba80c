"""A page for every package: its docstring as the manual, its files, and what each of them offers.

The offers themselves are put in by mkdocstrings, where the page says ``:::``; ``twins`` tells it how we
write them down.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path, PurePosixPath

from tracer.pages import manual
from tracer.pages.code import UnknownError

ROOTS = ("minietcd", "tracer")
DIRECTORY = PurePosixPath("reference", "packages")
TABLES: Mapping[str, str] = {
    "minietcd.raft": """
## Which role follows which

{{states ROLES}}

## What each role does with a message

Every message passes {{Raft.step}}, which compares terms and then does what any role does. What is left goes
to {{step_follower}}, {{step_candidate}} or {{step_leader}}. An empty cell: the message is ignored. The words
with which all names of a column begin are left out.

| message | any role | follower | candidate, pre-candidate | leader |
|---|---|---|---|---|
{{steps STEP STEP_FOLLOWER STEP_CANDIDATE STEP_LEADER+STEP_LEADER_PROGRESS}}
""",
    "minietcd.raft.tracker": """
## Which state of a follower follows which

{{states STATES}}
""",
}
"""What the pages of some packages show besides, out of tables of the code."""
_SENTENCE = re.compile(r"(?<=\.)\s")


@dataclass(frozen=True, slots=True)
class Module:
    """A file of ours; ``path`` is what it is imported by, ``file`` is relative to the root."""

    path: str
    file: str
    text: str
    """Its docstring."""
    lines: int
    twins: frozenset[str]
    """The Go functions, types and errors that its docstrings name, as ``path#symbol``."""


@dataclass(frozen=True, slots=True)
class Package:
    """A directory of ours; its ``text`` is its chapter."""

    path: str
    file: str
    text: str
    modules: tuple[Module, ...]

    @property
    def twins(self) -> set[str]:
        """Those of all its modules."""
        return {twin for module in self.modules for twin in module.twins}


class Names:
    """What is public in the packages below ``root``, to be found by what prose calls it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def packages(self) -> list[Package]:
        """All that hold code of ours, by path; what is generated has no page."""
        found = []
        for top in ROOTS:
            for init in sorted((self.root / top).rglob("__init__.py")):
                files = sorted(init.parent.glob("*.py"))
                modules = tuple(self._module(file) for file in files if _is_ours(file))
                below = any(each.parent != init.parent for each in init.parent.rglob("*.py"))
                if modules or below:
                    own = self._module(init)
                    found.append(Package(own.path, own.file, own.text, modules))
        return found

    def nearest(self, name: str, at: str) -> str:
        """The path of what ``name`` means in the docstring of ``at``, or "" where that is not plain."""
        found = self._paths.get(name.removesuffix("()"), set()) - {at}
        if name.islower() and name.isalpha():  # a parameter, or a word of any kind, as likely as a function
            found = set()
        if not found:
            return ""
        near = {path: (_shared(path.split("."), at.split(".")), -path.count(".")) for path in found}
        best = [path for path, how in near.items() if how == max(near.values())]
        return best[0] if len(best) == 1 else ""

    @cached_property
    def _paths(self) -> dict[str, set[str]]:
        paths = defaultdict(set)
        for package in self.packages:
            for module in package.modules:
                paths[PurePosixPath(module.file).name].add(module.path)
                tree = ast.parse((self.root / module.file).read_text(encoding="utf-8"))
                for name in _documented(tree):
                    last = name.rpartition(".")[2]
                    for called in (name, last, f"{module.path.rpartition('.')[2]}.{name}"):
                        paths[called].add(f"{module.path}.{name}")
        return paths

    @cached_property
    def _layers(self) -> list[list[str]]:
        """The layers of which each imports only what stands below it, from the top."""
        project = tomllib.loads((self.root / "pyproject.toml").read_text(encoding="utf-8"))
        contracts = project["tool"]["importlinter"]["contracts"]
        layers = next(each["layers"] for each in contracts if each["type"] == "layers")
        return [[name.strip() for name in layer.split("|")] for layer in layers]

    def layer(self, package: Package) -> int:
        """The number of its layer: its own or that of a package around it, else the highest of its parts."""
        numbers = {name: number for number, layer in enumerate(self._layers) for name in layer}
        around = [name for name in numbers if _within(package.path, name)]
        if around:
            return numbers[max(around, key=len)]
        own = [numbers[each.path] for each in package.modules if each.path in numbers]
        below = [number for name, number in numbers.items() if _within(name, package.path)]
        if not below:
            raise UnknownError("layer of", package.path, list(numbers))
        return min(own or below)

    def between(self, first: str, last: str) -> list[Package]:
        """The packages from the layer of one to that of the other, from the top. Raises UnknownError."""
        known = {package.path: package for package in self.packages}
        for name in (first, last):
            if name not in known:
                raise UnknownError("package", name, list(known))
        highest, lowest = self.layer(known[first]), self.layer(known[last])
        found = [package for package in self.packages if highest <= self.layer(package) <= lowest]
        return sorted(found, key=self.layer)

    def _module(self, file: Path) -> Module:
        name = file.relative_to(self.root)
        text = file.read_text(encoding="utf-8")
        path = ".".join(name.with_suffix("").parts).removesuffix(".__init__")
        told = list(_docstrings(ast.parse(text)))
        twins = frozenset("#".join(twin) for each in told for twin in manual.twins(each) if twin[1])
        return Module(path, name.as_posix(), told[0], text.count("\n"), twins)


def _shared(a: list[str], b: list[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))


def _within(path: str, package: str) -> bool:
    return f"{path}.".startswith(f"{package}.")


def _is_ours(file: Path) -> bool:
    return not file.name.startswith("__") and not file.stem.endswith("_pb2")


def _docstrings(tree: ast.Module) -> Iterator[str]:
    """That of the module first, which may be empty."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def _documented(node: ast.AST, prefix: str = "") -> Iterator[str]:
    """The public classes, methods and functions that say what they are."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if child.name.startswith("_") or not ast.get_docstring(child):
                continue
            yield prefix + child.name
            if isinstance(child, ast.ClassDef):
                yield from _documented(child, f"{prefix}{child.name}.")


class Writer:
    """Writes the pages; ``go`` has the link to a Go file, or to a symbol as ``path#symbol``.

    ``filled`` makes Markdown of what TABLES have for a package.
    """

    def __init__(
        self, names: Names, go: Callable[[str], str], filled: Callable[[str], str] = "".format
    ) -> None:
        self.names, self.go, self.filled = names, go, filled

    def page(self, package: Package) -> str:
        """That of a package."""
        parts = [
            _head(package.path, manual.summary(package.text)),
            manual.markdown(package.text, self.link(package.path), level=2),
            self.twins(package.text),
            self.filled(package.path) if package.path in TABLES else "",
            self._parts(package),
            *(_offers(module) for module in package.modules),
        ]
        return "\n".join(part for part in parts if part)

    def link(self, at: str) -> Callable[[str], str]:
        """What stands for a name in backticks in the docstring of ``at``."""

        def link(name: str) -> str:
            path = self.names.nearest(name, at)
            return f"[`{name}`][{path}]" if path else f"`{name}`"

        return link

    def twins(self, text: str) -> str:
        """A line with the Go twins that a docstring names, if it does."""
        found = [self.go("#".join(filter(None, twin))) for twin in manual.twins(text)]
        return f"Go: {', '.join(found)}\n" if found else ""

    def _parts(self, package: Package) -> str:
        below = [each for each in self.names.packages if each.path.rpartition(".")[0] == package.path]
        rows: list[tuple[str, Package | Module]]
        rows = [(f"[`{_last(each)}/`]({each.path}.md)", each) for each in below]
        rows += [(f"[`{_last(each)}.py`][{each.path}]", each) for each in package.modules]
        head = "## What is in it\n\n| part | lines |\n|---|--:|\n"
        return head + "".join(f"| {link}<br>{_told(each)} | {_length(each)} |\n" for link, each in rows)


def _offers(module: Module) -> str:
    return f"::: {module.path}\n    options:\n      heading: {_last(module)}.py\n"


def _head(path: str, text: str) -> str:
    description = json.dumps(manual.plain(text), ensure_ascii=False)
    return f"---\ntitle: {path}\ndescription: {description}\nsearch:\n  exclude: true\n---\n\n# `{path}`\n"


def _told(part: Package | Module) -> str:
    return manual.summary(part.text).replace("``", "`").replace("|", "\\|")


def _length(part: Package | Module) -> str:
    modules = part.modules if isinstance(part, Package) else (part,)
    return str(sum(module.lines for module in modules) or "—")


def _last(part: Package | Module) -> str:
    return part.path.rpartition(".")[2]


def write(writer: Writer, docs: Path) -> None:
    """All of them, below ``docs``."""
    for package in writer.names.packages:
        target = docs / DIRECTORY / f"{package.path}.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(writer.page(package), encoding="utf-8")


def files(root: Path) -> Iterator[str]:
    """The files that the pages link."""
    return (module.file for package in Names(root).packages for module in package.modules)


def rows(names: Names, first: str, last: str) -> Iterator[tuple[str, ...]]:
    """For each package from one layer to another: its link and what it is, how many files and Go twins.

    Raises UnknownError.
    """
    for package in names.between(first, last):
        told = _SENTENCE.split(_told(package))[0]
        name = package.path.replace(".", ".<wbr>")  # some are wider than a telephone
        link = f"[<code>{name}</code>](packages/{package.path}.md)"
        yield f"{link}<br>{told}", str(len(package.modules) or "—"), str(len(package.twins) or "—")
