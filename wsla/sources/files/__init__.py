"""History from files: CSV, JSON lines and Parquet as observations."""

from wsla.evaluation.encoding import DataError, History, Reject, Rejects
from wsla.sources.files.reader import read_history

__all__ = ["DataError", "History", "Reject", "Rejects", "read_history"]
