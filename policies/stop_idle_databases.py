"""Stop RDS databases that nobody connected to for three days."""

from cloudwarden import PROPOSE, Limit, Policy, days, every, hours, tagged
from cloudwarden.aws import rds
from cloudwarden.library.databases import Unconnected, unconnected

stop_idle_databases = Policy(
    name="stop-idle-databases",
    description="A database without connections is stopped; AWS starts it again after seven days, or you before.",
    rule=unconnected,
    params=Unconnected(window=days(3)),
    schedule=every(hours=1),
    mode=PROPOSE,
    action=rds.Stop(),
    grace=hours(2),
    limit=Limit(per_run=5, share=0.1),
    exempt=[tagged("keep-running")],
)
