"""What the composition root joins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cloudwarden import ENFORCE
from cloudwarden.app import build
from cloudwarden.core.acceptance import Discovery
from cloudwarden.settings import Settings
from world import SCOPE, stop_idle


class Discovering:
    """Sessions that say that they live while they discover."""

    def discover(self, alive: Callable[[], None]) -> Discovery:
        """Nothing."""
        alive()
        return Discovery(scopes=())


def test_the_daemon_lives_while_scopes_are_discovered(tmp_path: Path) -> None:
    """It is not ended by its watchdog for that."""
    app = build(Settings(database=f"sqlite:///{tmp_path}/cloudwarden.db"))
    beats: list[int] = []
    app.alive = lambda: beats.append(1)
    vars(app)["sessions"] = Discovering()
    try:
        assert app.enroller.known()
    finally:
        app.close()
    assert beats


@pytest.mark.parametrize("scope", [SCOPE, None], ids=["not accepted", "not told"])
def test_where_nobody_accepted_anything_policies_only_observe(tmp_path: Path, scope: object) -> None:
    """And where nobody knows where it is."""
    app = build(Settings(database=f"sqlite:///{tmp_path}/cloudwarden.db", ceiling=ENFORCE))
    try:
        assert str(app.mode_of(stop_idle(), scope)) == "observe"  # type: ignore[arg-type]
        lasting = str(app.lasting_mode_of(stop_idle(), scope))  # type: ignore[arg-type]
        assert lasting == ("observe" if scope else "propose"), "what nobody knows undoes no word"
    finally:
        app.close()
