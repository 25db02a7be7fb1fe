"""Packages that policies import: which are taken as they are, and what the text of the others is."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

PRODUCT = "cloudwarden"

_GIVEN = sys.stdlib_module_names | {"annotated_types", "pydantic", "pydantic_core", "typing_extensions"}
"""Python's own, and what params are made of: they come with the product, and change with it."""

_LARGE_BYTES = 1 << 20
"""Above this a file is a compiled library or data; its size stands for it."""


def package_of(module: str) -> str:
    """The package that a module is of; itself, if it is of none."""
    return module.partition(".")[0]


def is_given(module: str) -> bool:
    """Whether a module is Python's, or came with the product."""
    return package_of(module) in _GIVEN


def is_product(module: str) -> bool:
    """Whether a module is the product's own."""
    return package_of(module) == PRODUCT


def is_imported(module: str) -> bool:
    """Whether a module was found on the import path; a policy file never is."""
    return getattr(sys.modules.get(module), "__spec__", None) is not None


@cache
def package_text(package: str) -> str:
    """What tells one content of a package from another; empty when there is no such package.

    Read once in a process's life, as the package itself is.
    """
    digest = hashlib.sha256()
    found = False
    for name, file in _files(package):
        content = file.read_bytes() if file.stat().st_size <= _LARGE_BYTES else str(file.stat().st_size).encode()
        digest.update(f"{name}:{len(content)}:".encode() + content)
        found = True
    return digest.hexdigest() if found else ""


def _files(package: str) -> Iterator[tuple[str, Path]]:
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return
    if spec is None:
        return
    for folder in map(Path, spec.submodule_search_locations or ()):
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                yield str(file.relative_to(folder)), file
    if spec.submodule_search_locations is None and spec.origin is not None and Path(spec.origin).is_file():
        yield Path(spec.origin).name, Path(spec.origin)
