"""Running: what a process does with its parts, as the daemon or for one sweep."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cloudwarden.app.parts import App
from cloudwarden.collecting import unhurried
from cloudwarden.core.policy import Mode
from cloudwarden.daemon import Daemon
from cloudwarden.engine.sweep import SweepResult
from cloudwarden.engine.tenure import beat
from cloudwarden.keeping.shipper import ship_until
from cloudwarden.loading import Loaded
from cloudwarden.store import own
from cloudwarden.upkeep import Upkeep
from cloudwarden.web.server import WebServer

LAST_BATCH_SECONDS = 5.0
"""How long the daemon stays for the journal's last entries to be shipped; if they are not, the next one ships them."""

UPKEEP_SECONDS = 30.0
"""How long one sweep's process stays to let go of what is old: years of it are gone after some of them."""

COMPARED_WITHIN_SECONDS = 5.0
"""How long the start waits for the journal's copy to be compared; most answer within one, and hold nothing then."""

LAST_RENEWAL_SECONDS = 5.0
"""How long to wait for a renewal of leases that is under way, so that it does not outlive the store."""


def run(app: App, stop: threading.Event, reload: threading.Event | None = None) -> None:
    """Be the daemon until `stop` is set. Raises StoreError, and SettingsError when the port is taken."""
    app.stop = stop
    with own(app.settings.database):
        daemon = Daemon(
            clock=app.clock,
            reporter=app.reporter,
            sweeper=app.sweeper,
            actor=app.actor,
            load=app.load,
            mode_of=app.highest_mode_of,
            counts=app.counted,
            stop=stop,
            reload=reload or threading.Event(),
            edits=app.edits,
            schedule_known=app.metrics.schedule,
            upkeep=_upkeep(app),
            orphans=app.orphans,
            register=app.register,
            in_force=app.in_force,
            copy_details=app.shipper.details if app.shipper else dict,
        )
        app.alive = daemon.alive
        web = WebServer(
            app.settings.host,
            app.settings.port,
            app.metrics.registry,
            daemon.health,
            lambda: app.overview.board(daemon.health()),
            names=app.settings.host_names,
        )
        host, port = web.start()
        shipping = _begin_shipping(app, stop)
        threading.Thread(target=app.courier.run, args=(stop,), name="courier", daemon=True).start()
        try:
            with _leases_renewed(app):
                daemon.run(f"http://{host}:{port}")
        finally:
            web.stop()
            if shipping is not None:
                shipping.join(LAST_BATCH_SECONDS)


def once(app: App, *, ceiling: Mode | None = None) -> tuple[Loaded, SweepResult]:
    """One sweep of every policy now, acting as the daemon would, within `ceiling` too if one is given.

    Raises AlreadyRunning while a daemon owns the store, CloudError when the scopes cannot be told.
    """
    if ceiling is not None:
        app.swept_under = ceiling
    app.edits.take()
    loaded = app.load()
    with own(app.settings.database), _leases_renewed(app), unhurried():
        _ship_all(app)
        app.register.take(loaded)
        result = app.sweeper.sweep(tuple(loaded.policies.values()), loaded.policies)
        app.orphans.turn(loaded.clean)
        app.courier.turn()
        # Where no daemon ever runs, nothing else does it. When nothing is old, it reads a little.
        _upkeep(app).work(UPKEEP_SECONDS)
        _ship_all(app)
        return loaded, result


def _upkeep(app: App) -> Upkeep:
    """What lets go of what is old, by a clock that AWS agrees with."""
    clock = app.sessions.clock
    return Upkeep(clock=app.clock, ahead=lambda: clock.ahead, reporter=app.reporter, batches=app.retention.batches)


@contextmanager
def _leases_renewed(app: App) -> Iterator[None]:
    """Keep what this process has begun, for as long as the block takes."""
    over = threading.Event()
    renewing = threading.Thread(target=beat, args=(app.tenure, app.store, over), name="leases", daemon=True)
    renewing.start()
    try:
        yield
    finally:
        over.set()
        renewing.join(LAST_RENEWAL_SECONDS)


def _begin_shipping(app: App, stop: threading.Event) -> threading.Thread | None:
    """Ship from now on. What the copy knows and the store has forgotten is seen before anything acts.

    A copy that keeps silent is not waited for: the service manager would take this for a start that fails. What is due
    meanwhile is held, and says why.
    """
    if (shipper := app.shipper) is None:
        return None
    tried = threading.Event()

    def ship() -> None:
        shipper.turn()
        tried.set()
        ship_until(shipper, stop)

    shipping = threading.Thread(target=ship, name="shipping", daemon=True)
    shipping.start()
    tried.wait(COMPARED_WITHIN_SECONDS)
    return shipping


def _ship_all(app: App) -> None:
    while app.shipper is not None and app.shipper.turn():
        pass
