"""Where a store on PostgreSQL lies: its URL for the client, and its address for people, without a password."""

from __future__ import annotations

from typing import Final

from attrs import field, frozen

from wsla.store.errors import StoreError

_BEGINNINGS: Final = ("postgresql://", "postgres://")
_HINT: Final = "Write postgresql://USER@HOST/DATABASE."
# A connection that is dead without a word is given up after a quarter of a minute.
_USUAL: Final = {
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "5",
    "tcp_user_timeout": "15000",
}


@frozen(kw_only=True)
class Place:
    """``shown`` names it in messages; ``conninfo`` is for the client, and ``secrets`` are what is in it."""

    shown: str
    conninfo: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


def is_postgres(url: str) -> bool:
    """True where a store's URL means a database of PostgreSQL."""
    return url.lower().startswith(_BEGINNINGS)


def place_of(url: str) -> Place:
    """The place that a URL means. Raises StoreError where it means none, or psycopg is missing."""
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict, make_conninfo
    except ImportError:
        raise StoreError(
            "What speaks to PostgreSQL is not installed: pip install 'wsla[postgres]'. Or keep the store in a file, "
            "such as sqlite:///wsla.db."
        ) from None
    try:
        said = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.ProgrammingError:
        # What the client says of it may repeat a password.
        raise StoreError(f"The store's URL cannot be read as one of PostgreSQL. {_HINT}") from None
    if "dbname" not in said:
        raise StoreError(f"The store's URL does not say which database. {_HINT}")
    secrets = tuple(value for name, value in said.items() if "password" in name and value)
    return Place(shown=_shown(said), conninfo=make_conninfo("", **(_USUAL | said)), secrets=secrets)


def _shown(said: dict[str, str]) -> str:
    host = said.get("host") or said.get("hostaddr") or ""
    if "port" in said and "," not in host:
        host += f":{said['port']}"
    user = f"{said['user']}@" if "user" in said else ""
    return f"postgresql://{user}{host}/{said['dbname']}"
