"""What the engine needs of the world, as small Protocols named by role: one file for each role, one name for all."""

from cloudwarden.ports.clock import Clock, Stopping
from cloudwarden.ports.cloud import Actuator, EvidenceSource, Inventory, Listing
from cloudwarden.ports.cutoff import Cutoff, RuleCutOff
from cloudwarden.ports.decisions import Decisions, ExemptionsFile
from cloudwarden.ports.findings import ActionRecords, Findings, Proposals
from cloudwarden.ports.journal import Journal, JournalEntry, Keeping, Restoration, Shipment
from cloudwarden.ports.journal_copy import Batch, JournalCopy, Mark
from cloudwarden.ports.outbox import Notices
from cloudwarden.ports.people import Channels, Contacts, Notifier
from cloudwarden.ports.reporter import Reporter
from cloudwarden.ports.store import Store, Transaction
from cloudwarden.ports.sweeps import PolicyRun, Runs, ScopeRun, Scopes, Spending

__all__ = [
    "ActionRecords",
    "Actuator",
    "Batch",
    "Channels",
    "Clock",
    "Contacts",
    "Cutoff",
    "Decisions",
    "EvidenceSource",
    "ExemptionsFile",
    "Findings",
    "Inventory",
    "Journal",
    "JournalCopy",
    "JournalEntry",
    "Keeping",
    "Listing",
    "Mark",
    "Notices",
    "Notifier",
    "PolicyRun",
    "Proposals",
    "Reporter",
    "Restoration",
    "RuleCutOff",
    "Runs",
    "ScopeRun",
    "Scopes",
    "Shipment",
    "Spending",
    "Stopping",
    "Store",
    "Transaction",
]
