"""Stop EC2 instances that did nothing for six hours."""

from cloudwarden import PROPOSE, Limit, Policy, every, hours, tagged
from cloudwarden.aws import ec2
from cloudwarden.library.compute import Idle, idle

stop_idle_instances = Policy(
    name="stop-idle-instances",
    description="An instance whose CPU and network are idle is stopped; start it again when you need it.",
    rule=idle,
    params=Idle(window=hours(6), max_cpu_percent=5.0, max_network_bytes_per_second=1000.0),
    schedule=every(minutes=15),
    mode=PROPOSE,
    action=ec2.Stop(),
    grace=hours(2),
    limit=Limit(per_run=5, share=0.1),
    exempt=[tagged("keep-running")],
)
