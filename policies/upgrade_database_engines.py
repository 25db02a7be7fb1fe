"""Propose to upgrade RDS databases to the newest minor version of their engine."""

from cloudwarden import PROPOSE, Policy, Severity, every, tagged
from cloudwarden.aws import rds
from cloudwarden.library.databases import Upgrades, outdated_engine

upgrade_database_engines = Policy(
    name="upgrade-database-engines",
    description="Minor versions bring security fixes; each database gets them in its own maintenance window.",
    rule=outdated_engine,
    params=Upgrades(majors=False),
    schedule=every(days=1),
    mode=PROPOSE,
    action=rds.UpgradeEngine(apply_immediately=False),
    exempt=[tagged("keep-version")],
    severity=Severity.LOW,
)
