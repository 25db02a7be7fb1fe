"""Writes the pages that repeat what the code says: settings.md and metrics.md, beside this file unless told where."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from cloudwarden.core.errors import CloudError
from cloudwarden.core.policy import Mode
from cloudwarden.core.verdict import Outcome, Reason, Severity
from cloudwarden.settings.names import is_table, names_under, table_at, variable_of
from cloudwarden.telemetry.instruments import Instruments
from cloudwarden.telemetry.listings import Listings
from cloudwarden.telemetry.metrics import ENDINGS, GUARDS
from cloudwarden.telemetry.snapshot import StoreSnapshot
from cloudwarden.telemetry.unread import UnreadResources

GENERATED = "<!-- Written by `make docs` from the code: edit that, not this. -->"

SETTINGS = f"""{GENERATED}

# Settings

Settings are read from the file that `--config` or `CLOUDWARDEN_CONFIG` names, else from `cloudwarden.toml` in the
working directory, else from `/etc/cloudwarden/cloudwarden.toml`. An environment variable wins over the file. A name
that no setting has is an error that says the nearest one. Durations carry their unit: `"30s"`, `"15m"`, `"6h"`,
`"14d"`, `"1h30m"`.
`cloudwarden settings` prints those in force, and where each came from.
"""

METRICS = f"""{GENERATED}

# Metrics

`/metrics` shows these, and `process_*` of the process itself. No label is ever a resource's id. Series that name a
policy begin with it and go with it. `deploy/prometheus/` has alerts on them and `deploy/grafana/` a dashboard.
"""


def settings_page() -> str:
    """Every setting with its unit, its default, and why it is what it is."""
    return "\n".join([SETTINGS, *_settings(())])


def metrics_page() -> str:
    """Every metric with its type, labels and help, and what the labels may be."""
    return f"{METRICS}\n{_metrics()}\n## Labels\n\n{_labels()}"


def _settings(path: tuple[str, ...]) -> Iterator[str]:
    """The settings of the table at a path, and then those of the tables in it."""
    model = table_at(path)
    if model is None:
        return
    title = f"`[{'.'.join(path)}]`" if path else "At the top"
    about = (model.__doc__ or "").partition(". ")[0].rstrip(".")
    rows = [_setting((*path, name), field.description or "") for name, field in model.model_fields.items()]
    table = _table(("setting, and its environment variable", "unit", "default", "why"), rows)
    yield f"## {title}\n\n{about}.\n\n{table}"
    for name in names_under(path):
        for below in ((*path, name), (*path, name, "<name>")):
            yield from _settings(below)


def _setting(path: tuple[str, ...], description: str) -> Sequence[str]:
    stated = re.match(r"(?P<unit>.*?), (?:default (?P<default>.*?)|no default): (?P<why>.*)", description)
    if stated is None:
        raise ValueError(f"{variable_of(path)}: write its unit, its default, and why, not {description!r}")
    unit, default, why = stated["unit"], stated["default"] or "none: it must be given", stated["why"]
    variable = f"{variable_of(path)}__..." if is_table(path) else variable_of(path)
    return (f"`{path[-1]}`<br>`{variable}`", unit, default, why)


def _metrics() -> str:
    instruments = Instruments(CollectorRegistry())
    moved = [(metric, labels) for one, labels in instruments.labels.items() for metric in one.describe()]
    collectors = (StoreSnapshot(), Listings(), UnreadResources())
    # The client has no public way to ask what has no series yet for its labels.
    counted = [(one, one._labelnames) for kept in collectors for one in kept.describe()]
    rows = [(f"`{_name(one)}`", one.type, ", ".join(labels), one.documentation) for one, labels in (*moved, *counted)]
    return _table(("metric", "type", "labels", "what it says"), sorted(rows))


def _name(metric: Metric) -> str:
    """The name as a query writes it; a histogram's without `_bucket`, `_sum` and `_count`."""
    return metric.name + {"counter": "_total", "info": "_info"}.get(metric.type, "")


def _labels() -> str:
    reasons = _words(sorted(one.reason for one in CloudError.__subclasses__()))
    rows = (
        ("policy", "a loaded policy; `*` in `cloudwarden_paused` is all of them"),
        ("account, region, kind", "where a listing is from, and of what: `ec2.instance`"),
        ("verdict", _words(Outcome)),
        ("reason", f"{_words(Reason)}, or that of an error of AWS: {reasons}"),
        ("severity", _words(Severity)),
        ("guard", _words(GUARDS)),
        ("outcome of an action", _words(ENDINGS)),
        ("outcome of a request", f"ok, or the reason of its error: {reasons}"),
        ("mode", _words(Mode)),
    )
    return _table(("label", "what it may be"), rows)


def _words(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*.", "\\*.").rstrip()


def main(folder: Path) -> None:
    """Write both pages into a folder."""
    (folder / "settings.md").write_text(settings_page(), encoding="utf-8")
    (folder / "metrics.md").write_text(metrics_page(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
