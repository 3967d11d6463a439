"""What differs from one SQL to the next: names, whole numbers of any size, instants as nanoseconds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum

from attrs import frozen


class ColumnKind(Enum):
    """What a column holds."""

    TRUTH = "truth"
    WHOLE = "whole number"
    DECIMAL = "decimal number"
    FLOAT = "binary fraction"
    TEXT = "text"
    INSTANT = "instant"
    LOCAL = "time without a zone"
    OTHER = "something else"


@frozen(kw_only=True)
class Column:
    """A column of a table. ``places`` are the decimals of a decimal number, None where they vary."""

    kind: ColumnKind
    places: int | None = None


class NotPushed(Exception):
    """Something that this store does not compute exactly; the message says what and why."""


class Dialect(ABC):
    """The SQL that most stores have in common."""

    name = "SQL"

    def quoted(self, name: str) -> str:
        """A name of a column or table as it is written."""
        return '"' + name.replace('"', '""') + '"'

    def table(self, name: str) -> str:
        """A table, perhaps with the name of its schema before a dot."""
        return ".".join(self.quoted(part) for part in name.split("."))

    def parquet(self, path: str) -> str:
        """Parquet files, perhaps several by a pattern. Raises NotPushed where the store reads none."""
        raise NotPushed(f"{self.name} reads no Parquet files here")

    def text(self, value: str) -> str:
        """A text as it is written."""
        return "'" + value.replace("'", "''") + "'"

    def whole(self, value: int) -> str:
        """A whole number of any size as it is written."""
        return str(value) if value >= 0 else f"({value})"

    @abstractmethod
    def wide(self, expression: str) -> str:
        """A number as a whole number that is large enough for sums and products."""

    def narrow(self, expression: str) -> str:
        """A whole number in 64 bits."""
        return f"CAST({expression} AS BIGINT)"

    @abstractmethod
    def quotient(self, expression: str, divisor: int) -> str:
        """A whole number divided by another, towards zero."""

    def remainder(self, expression: str, divisor: int) -> str:
        """What is left by that, with the sign of the first."""
        return f"({expression} % {self.whole(divisor)})"

    @abstractmethod
    def instant(self, expression: str, column: Column) -> str:
        """Nanoseconds since the epoch. A time without a zone is one of UTC."""

    def as_text(self, expression: str) -> str:
        """Anything as text."""
        return f"CAST({expression} AS VARCHAR)"

    def length(self, expression: str) -> str:
        """How many characters a text has."""
        return f"length({expression})"

    @abstractmethod
    def steps(self, expression: str, column: Column) -> tuple[str, int, str | None]:
        """A number that is no whole one, as (whole number, what it was multiplied with, where that is exact).

        Raises NotPushed where the store would round.
        """


class DuckDB(Dialect):
    """DuckDB: HUGEINT holds sums, and numbers are written out in full."""

    name = "DuckDB"
    _PLACES = 12

    def parquet(self, path: str) -> str:
        return f"read_parquet({self.text(path)})"

    def wide(self, expression: str) -> str:
        return f"CAST({expression} AS HUGEINT)"

    def quotient(self, expression: str, divisor: int) -> str:
        return f"({expression} // {self.whole(divisor)})"

    def instant(self, expression: str, column: Column) -> str:
        return f"epoch_ns({expression})"

    def steps(self, expression: str, column: Column) -> tuple[str, int, str | None]:
        if column.kind is ColumnKind.DECIMAL and column.places is not None:
            digits = f"replace(CAST({expression} AS VARCHAR), '.', '')"
            return f"CAST({digits} AS HUGEINT)", 10**column.places, None
        # The shortest decimal that means this binary number, as everywhere in wsla.
        decimal = f"TRY_CAST(CAST({expression} AS VARCHAR) AS DECIMAL(38, {self._PLACES}))"
        digits = f"CAST(replace(CAST({decimal} AS VARCHAR), '.', '') AS HUGEINT)"
        exact = f"COALESCE(CAST({decimal} AS DOUBLE) = CAST(CAST({expression} AS VARCHAR) AS DOUBLE), FALSE)"
        return digits, 10**self._PLACES, exact


class PostgreSQL(Dialect):
    """PostgreSQL: NUMERIC has no limits."""

    name = "PostgreSQL"

    def wide(self, expression: str) -> str:
        return f"CAST({expression} AS numeric)"

    def quotient(self, expression: str, divisor: int) -> str:
        return f"div({expression}, {self.whole(divisor)})"

    def instant(self, expression: str, column: Column) -> str:
        return f"CAST(EXTRACT(EPOCH FROM {expression}) * 1000000 AS bigint) * 1000"

    def as_text(self, expression: str) -> str:
        return f"CAST({expression} AS text)"

    def steps(self, expression: str, column: Column) -> tuple[str, int, str | None]:
        # A numeric is exact already; whether it is whole after the factor is looked at where that is applied.
        if column.kind is ColumnKind.DECIMAL:
            return expression, 1, f"CAST({expression} AS text) NOT IN ('NaN', 'Infinity', '-Infinity')"
        text = f"CAST({expression} AS text)"
        finite = f"{text} NOT IN ('NaN', 'Infinity', '-Infinity')"
        return f"CASE WHEN {finite} THEN CAST({text} AS numeric) END", 1, finite


class Spark(Dialect):
    """Spark SQL: decimals of 38 digits hold sums."""

    name = "Spark"
    _MOST_PLACES = 6

    def parquet(self, path: str) -> str:
        return f"parquet.{self.quoted(path)}"

    def quoted(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def text(self, value: str) -> str:
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def wide(self, expression: str) -> str:
        return f"CAST({expression} AS DECIMAL(38, 0))"

    def quotient(self, expression: str, divisor: int) -> str:
        return f"({expression} div {self.whole(divisor)})"

    def instant(self, expression: str, column: Column) -> str:
        return f"unix_micros(CAST({expression} AS TIMESTAMP)) * 1000"

    def as_text(self, expression: str) -> str:
        return f"CAST({expression} AS STRING)"

    def steps(self, expression: str, column: Column) -> tuple[str, int, str | None]:
        if (
            column.kind is ColumnKind.DECIMAL
            and column.places is not None
            and column.places <= self._MOST_PLACES
        ):
            digits = f"replace(CAST({expression} AS STRING), '.', '')"
            return f"CAST({digits} AS DECIMAL(38, 0))", 10**column.places, None
        raise NotPushed(
            "Spark does not write binary fractions, and decimals of more than 6 places, out in full"
        )


class ClickHouse(Dialect):
    """ClickHouse: whole numbers wrap round in silence, so that sums and products are of Int256."""

    name = "ClickHouse"
    _MOST_PLACES = 18

    def quoted(self, name: str) -> str:
        return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"

    def text(self, value: str) -> str:
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def whole(self, value: int) -> str:
        return super().whole(value) if abs(value) < 1 << 63 else f"toInt256('{value}')"

    def wide(self, expression: str) -> str:
        return f"toInt256({expression})"

    def narrow(self, expression: str) -> str:
        return f"accurateCastOrNull({expression}, 'Int64')"

    def quotient(self, expression: str, divisor: int) -> str:
        return f"intDiv({expression}, {self.whole(divisor)})"

    def instant(self, expression: str, column: Column) -> str:
        # Behind the last row, and of no rows, a column that cannot be NULL gives 0 instead.
        return f"toUnixTimestamp64Nano(toDateTime64(toNullable({expression}), 9, 'UTC'))"

    def as_text(self, expression: str) -> str:
        return f"toString({expression})"

    def length(self, expression: str) -> str:
        return f"lengthUTF8({expression})"

    def steps(self, expression: str, column: Column) -> tuple[str, int, str | None]:
        if column.kind is not ColumnKind.DECIMAL or column.places is None:
            raise NotPushed("ClickHouse adds binary fractions with rounding")
        if column.places > self._MOST_PLACES:
            raise NotPushed(f"ClickHouse is asked for sums of decimals of {self._MOST_PLACES} places at most")
        factor = 10**column.places
        return f"toInt256(toDecimal256({expression}, {column.places}) * {factor})", factor, None
