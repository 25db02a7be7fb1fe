"""Workers: processes that gather and judge, so that an estate of many scopes uses every core."""

from cloudwarden.workers.pool import WorkerPool
from cloudwarden.workers.serving import Sender, serve

__all__ = ["Sender", "WorkerPool", "serve"]
