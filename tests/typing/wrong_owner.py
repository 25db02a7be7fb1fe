"""Author mistake: an owner, or a time, of another form than notices take."""

from cloudwarden import Escalation, Limit, Notify, Policy, days, every, hours, owner, owner_tag, tagged
from cloudwarden.library.compute import Idle, idle

by_name = Notify(owners=["team-x"])  # rejected

by_exemption = Notify(owners=[owner_tag("owner"), tagged("owner")])  # rejected

unitless = Notify(owners=[owner("team-x")], before=2)  # rejected

escalated = Notify(owners=[owner("team-x")], escalate=days(2))  # rejected

timeless = Notify(owners=[owner("team-x")], escalate=Escalation(to="ops"))  # rejected

misspelt = Notify(owners=[owner("team-x")], reminds=days(1))  # rejected

limited = Policy(name="idle", rule=idle, params=Idle(), schedule=every(hours=1), notice=Limit())  # rejected

of_hours = Policy(name="idle", rule=idle, params=Idle(), schedule=every(hours=1), notice=hours(2))  # rejected
