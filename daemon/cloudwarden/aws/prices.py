"""The list prices that come with this version, and those that the operator adds to them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cloudwarden.core.errors import SettingsError
from cloudwarden.core.saving import Prices, times_a_month

Key = tuple[str, str, str]


class _Region(BaseModel):
    """Prices that some regions have in common: tables of items, whose names may be nested (`m5 = {large = 0.1}`)."""

    model_config = ConfigDict(extra="allow")

    regions: tuple[str, ...] = Field(min_length=1)


class _File(BaseModel):
    """A file of prices."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(min_length=1)
    prices: tuple[_Region, ...]


_TABLES: TypeAdapter[dict[str, dict[str, object]]] = TypeAdapter(dict[str, dict[str, object]])


def list_prices(added: Path | None = None) -> Prices:
    """Those that come with this version, and over them those of a file. Raises SettingsError for a bad file."""
    shipped = _read(files("cloudwarden.aws").joinpath("list_prices.toml").read_text(encoding="utf-8"), "list_prices")
    if added is None:
        return shipped
    try:
        text = added.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"prices_file: {added} cannot be read: {error}") from error
    own = _read(text, f"prices_file: {added}")
    return Prices(source=f"{own.source}, else {shipped.source}", dollars={**shipped.dollars, **own.dollars})


def _read(text: str, where: str) -> Prices:
    try:
        file = _File.model_validate(tomllib.loads(text))
        dollars = dict(pair for one in file.prices for pair in _priced(one))
    except (ValueError, ValidationError) as error:
        raise SettingsError(f"{where}: {error}") from error
    return Prices(source=file.source, dollars=dollars)


def _priced(one: _Region) -> Iterator[tuple[Key, float]]:
    for table, items in _TABLES.validate_python(one.model_extra).items():
        times_a_month(table)
        for item, dollars in _flat(table, items):
            for region in one.regions:
                yield (region, table, item), dollars


def _flat(where: str, items: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in items.items():
        if isinstance(value, Mapping):
            yield from _flat(where, value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            yield f"{prefix}{name}", float(value)
        else:
            raise ValueError(f"{where}: {prefix}{name} = {value!r}: write US dollars, such as 0.0416")
