"""Find Lambda functions whose runtime AWS no longer patches."""

from cloudwarden import OBSERVE, Policy, every, tagged
from cloudwarden.library.functions import Runtimes, deprecated_runtime

flag_deprecated_runtimes = Policy(
    name="flag-deprecated-runtimes",
    description="A deprecated runtime gets no security fixes, and in the end AWS blocks changes: move on.",
    rule=deprecated_runtime,
    params=Runtimes(),
    schedule=every(days=1),
    mode=OBSERVE,
    exempt=[tagged("keep-runtime")],
)
