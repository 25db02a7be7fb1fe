"""Saving: what a change of a resource would no longer cost in a month, by list prices that are data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

HOURS_A_MONTH = 730
"""A year's 8,760 hours in twelve parts, as AWS "Pricing Calculator" counts."""

_TIMES_A_MONTH: Mapping[str, int] = {"hour": HOURS_A_MONTH, "month": 1}


@dataclass(frozen=True, kw_only=True, slots=True)
class Charge:
    """Something that is paid for: so much of one price of a region. A negative quantity is a new cost.

    `table` names a table of prices, and its last word how often one pays: `ec2-linux-hour`, `ebs-gib-month`.
    """

    region: str
    table: str
    item: str
    quantity: float = 1.0

    def __str__(self) -> str:
        return f"{self.quantity:g} x {self.item} ({self.table}) in {self.region}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Uncharged:
    """What nobody can tell the charges of, and why not, in words."""

    why: str


Charges = Sequence[Charge] | Uncharged
"""What something costs. Nothing at all is an empty sequence; what cannot be told is never that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Saving:
    """US dollars saved in a month, by list price; None when unknown, and then `basis` says why.

    `basis` says in words what the figure is made of.
    """

    dollars: float | None
    basis: str

    def __str__(self) -> str:
        if self.dollars is None:
            return f"unknown: {self.basis}"
        if self.dollars < 1:
            return f"about ${self.dollars:.2f} a month (list price)"
        return f"about ${self.dollars:,.0f} a month (list price)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """List prices in US dollars, by (region, table, item), and where they are from."""

    source: str
    dollars: Mapping[tuple[str, str, str], float] = field(default_factory=dict)

    def saving(self, charges: Charges) -> Saving | None:
        """What is saved when these are no longer paid; None when nothing is: there is nothing to tell.

        One price that is not known makes the whole unknown. So does what would save nothing after all: a figure that
        may be below zero is none.
        """
        if isinstance(charges, Uncharged):
            return Saving(dollars=None, basis=charges.why)
        if not charges:
            return None
        parts = [(charge, self._monthly(charge)) for charge in charges]
        missing = [str(charge) for charge, dollars in parts if dollars is None]
        if missing:
            return Saving(dollars=None, basis=f"no price is known of {', '.join(missing)}")
        total = round(sum(dollars for _, dollars in parts if dollars is not None), 2)
        basis = ", ".join(f"{charge}: ${dollars:.2f}" for charge, dollars in parts)
        if total <= 0:
            return Saving(dollars=None, basis=f"what it would cost anew may be as much ({basis})")
        return Saving(dollars=total, basis=f"{basis}; {self.source}")

    def _monthly(self, charge: Charge) -> float | None:
        price = self.dollars.get((charge.region, charge.table, charge.item))
        return None if price is None else price * charge.quantity * times_a_month(charge.table)


def times_a_month(table: str) -> int:
    """How often in a month one pays what a table says. Raises ValueError for one that ends in neither."""
    often = table.rpartition("-")[2]
    if often not in _TIMES_A_MONTH:
        raise ValueError(f"table {table!r}: its name ends in -hour or -month, which says how often that is paid")
    return _TIMES_A_MONTH[often]


NO_PRICES = Prices(source="no prices")
"""Knows of no price."""
