"""The http source: one fresh request as a user would make it, bounded in time, memory and reach."""

from wsla.sources.http.prober import HttpProber
from wsla.sources.http.target import FIELDS, HttpTarget, HttpTargetError
from wsla.sources.network.failures import Failure
from wsla.sources.network.resolver import Resolver

__all__ = ["FIELDS", "Failure", "HttpProber", "HttpTarget", "HttpTargetError", "Resolver"]
