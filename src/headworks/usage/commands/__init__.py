"""What changes usage: events that are stored, and roll-ups that are made anew, compared and forgotten."""

from headworks.usage.commands.ingest import Batch, KeptFromMoved, prepare, store
from headworks.usage.commands.rollups import ask_anew, compare_hour, forget_old, keep_from, make_next_hour

__all__ = [
    "Batch",
    "KeptFromMoved",
    "ask_anew",
    "compare_hour",
    "forget_old",
    "keep_from",
    "make_next_hour",
    "prepare",
    "store",
]
