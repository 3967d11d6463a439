"""The http source: one fresh request as a user would make it, bounded in time, memory and reach."""

from wsla.sources.http.failures import Failure
from wsla.sources.http.prober import FIELDS, HttpProber
from wsla.sources.http.resolver import Resolver
from wsla.sources.http.target import HttpTarget, HttpTargetError

__all__ = ["FIELDS", "Failure", "HttpProber", "HttpTarget", "HttpTargetError", "Resolver"]
