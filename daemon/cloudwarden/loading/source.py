"""A policy file's text, compiled statement by statement under the file's own private name."""

from __future__ import annotations
import __future__

import ast
import hashlib
import importlib.util
import linecache
import secrets
import sys
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType


class _Anchor:
    """Lives in a module's namespace, and so as long as the last of its functions."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """One content of one policy file.

    `code_name` is what its code objects call their file: the path and a mark of this very version, so that the
    source of a version that goes on running is never taken from a newer text at the same path.
    """

    path: Path
    text: str
    tree: ast.Module
    code_name: str

    @classmethod
    def parse(cls, path: Path, content: bytes) -> Source:
        """The file's source. Raises SyntaxError, UnicodeDecodeError, or ValueError for a NUL byte."""
        text = importlib.util.decode_source(content)
        code_name = f"{path}@{secrets.token_hex(4)}"
        tree = ast.parse(text, filename=code_name)
        compile(tree, code_name, "exec", dont_inherit=True)
        return cls(path=path, text=text, tree=tree, code_name=code_name)

    def statements(self) -> Iterator[tuple[ast.stmt, CodeType]]:
        """The top-level statements, each compiled alone, so that one that fails does not hide the next one's fault."""
        flags = self._future_flags()
        for statement in self.tree.body:
            alone = ast.Module(body=[statement], type_ignores=[])
            yield statement, compile(alone, self.code_name, "exec", flags=flags, dont_inherit=True)

    def new_module(self) -> ModuleType:
        """An empty module for this source, registered as classes under construction expect: remove it afterwards.

        The text stays where `inspect.getsource` looks, for as long as anything that the module defines is alive.
        """
        mark = self.code_name.rpartition("@")[2]
        module = ModuleType(f"_cloudwarden_policy_{mark}", ast.get_docstring(self.tree))
        module.__file__ = str(self.path)
        sys.modules[module.__name__] = module
        # No modification time: linecache then never looks at the disk, where a newer text may be.
        linecache.cache[self.code_name] = (len(self.text), None, self.text.splitlines(keepends=True), self.code_name)
        anchor = module.__dict__["__anchor__"] = _Anchor()
        weakref.finalize(anchor, linecache.cache.pop, self.code_name, None).atexit = False
        return module

    def _future_flags(self) -> int:
        flags = 0
        for statement in self.tree.body:
            if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
                for alias in statement.names:
                    flags |= getattr(__future__, alias.name).compiler_flag
        return flags


def policy_files(directory: Path) -> list[Path]:
    """The policy files of a directory, in order of name; a hidden file is an editor's. Raises OSError."""
    return sorted(path for path in directory.iterdir() if path.suffix == ".py" and not path.name.startswith("."))


def passed_over(directory: Path) -> list[str]:
    """What is said of folders beside the policy files in which more seem to be: somebody may believe that they run."""
    try:
        folders = sorted(path for path in directory.iterdir() if path.is_dir() and path.name[:1] not in {".", "_"})
    except OSError:
        # `policy_files` says so.
        return []
    return [
        f"{folder}: what is in it is not read; only *.py files in {directory} itself are policies"
        for folder in folders
        if any(not file.name.startswith(("test_", "conftest.", "_", ".")) for file in folder.rglob("*.py"))
    ]


def digest(content: bytes) -> str:
    """Tells one content from another."""
    return hashlib.sha256(content).hexdigest()


def names_bound(statement: ast.stmt) -> set[str]:
    """The names that a statement gives a value to."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in ast.walk(statement):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)
    return names
