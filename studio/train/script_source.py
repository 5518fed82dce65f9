"""Lines of the workers as they stand there, for a script that is to compute the same by the same lines."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from studio.workspace import REPOSITORY

WORKERS = REPOSITORY / "studio" / "workers"  # read as text: what imports torch is not imported here
OURS = ("studio", "__future__")
Import = tuple[str, str]  # (module, name), or (module, "") for `import module`; a name may be "one as other"


@dataclass(frozen=True)
class Source:
    text: str
    imports: set[Import]


NOTHING = Source("", set())


def read_source(worker: str, name: str) -> Source:
    """A class or function of a worker, after all of its own module that it needs, and what must be imported for it."""
    source = (WORKERS / worker).read_text(encoding="utf-8")
    module = ast.parse(source).body
    parts = {defined: node for node in module for defined in _names_of(node)}
    needed, waiting = [], [parts[name]]
    while waiting:
        needed.append(node := waiting.pop())
        used = [parts[found] for found in _names_in(node) if found in parts]
        waiting += [other for other in dict.fromkeys(used) if other not in (*needed, *waiting)]
    lines = source.splitlines()
    text = "\n\n\n".join(_lines_of(node, lines) for node in module if node in needed)
    used_names = {found for node in needed for found in _names_in(node)}
    imports = {one for bound, one in _imports_of(module) if bound in used_names and one[0].split(".")[0] not in OURS}
    return Source(text.replace("  # type: ignore[misc]", "").replace("ModelError", "RuntimeError"), imports)


def write_imports(imports: Iterable[Import]) -> str:
    """Whole modules first, then a line for each that something is taken from."""
    taken: dict[str, list[str]] = {}
    for module, name in sorted(imports):
        taken.setdefault(module, []).extend([name] if name else [])
    whole = [f"import {module}" for module, name in sorted(imports) if not name]
    return "\n".join(whole + [f"from {module} import {', '.join(names)}" for module, names in taken.items() if names])


def _imports_of(module: Iterable[ast.stmt]) -> Iterator[tuple[str, Import]]:
    """(the name that is bound, what it comes from)"""
    for node in module:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                written = f"{alias.name} as {alias.asname}" if alias.asname else alias.name
                yield alias.asname or alias.name, (node.module or "", written)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, (alias.name, "")) for alias in node.names)


def _names_in(node: ast.stmt) -> list[str]:
    return [found.id for found in ast.walk(node) if isinstance(found, ast.Name)]


def _names_of(node: ast.stmt) -> list[str]:
    """What a statement of a module defines."""
    if isinstance(node, ast.Assign):
        return [target.id for target in ast.walk(node.targets[0]) if isinstance(target, ast.Name)]
    return [node.name] if isinstance(node, ast.ClassDef | ast.FunctionDef) else []


def _lines_of(node: ast.stmt, lines: list[str]) -> str:
    above = [decorator.lineno for decorator in getattr(node, "decorator_list", ())]
    return "\n".join(lines[min(above, default=node.lineno) - 1 : node.end_lineno])
