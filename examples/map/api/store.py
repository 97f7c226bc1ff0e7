"""Places and sightings in SQLite: what they may hold, and how they are kept.

The file lies in the folder that STATE_DIRECTORY names: systemd makes it, and it outlives releases. For a moment two of
them use it side by side, which SQLite is made for; so what `schema.py` changes must suit the release before as well.
"""

import datetime
import math
import os
import sqlite3
import unicodedata
from contextlib import contextmanager
from pathlib import Path

MOST_ROWS = 1000
LARGEST_ID = 2**63 - 1
KINDS = ("center", "beach", "harbor", "pier")


class Refused(Exception):
    """What was sent cannot be kept; says why, for whoever sent it."""


class Missing(Exception):
    """Nothing has this id."""


class Unavailable(Exception):
    """The database does not answer."""


def text(longest, least=1):
    def clean(name, value, _connection):
        if not isinstance(value, str):
            raise Refused(f"`{name}` must be text")
        value = unicodedata.normalize("NFC", value).strip()
        if not least <= len(value) <= longest:
            raise Refused(f"`{name}` must have {least} to {longest} characters")
        # Cc: control characters; Cs: halves of a pair; Zl, Zp: line breaks.
        if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in value):
            raise Refused(f"`{name}` contains a control character")
        return value

    return clean


def number(low, high, whole=False):
    def clean(name, value, _connection):
        allowed = int if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, allowed) or not math.isfinite(value):
            raise Refused(f"`{name}` must be a {'whole ' if whole else ''}number")
        if not low <= value <= high:
            raise Refused(f"`{name}` must be between {low} and {high}")
        return value

    return clean


def one_of(words):
    def clean(name, value, _connection):
        if value not in words:
            raise Refused(f"`{name}` must be one of {', '.join(words)}")
        return value

    return clean


def day(name, value, _connection):
    try:
        return datetime.date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise Refused(f"`{name}` must be a day such as 2026-05-31") from None


def place(name, value, connection):
    known = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST_ID
    if not known or not connection.execute("SELECT 1 FROM places WHERE id = ?", (value,)).fetchone():
        raise Refused(f"`{name}` must be the id of a place")
    return value


# Names of tables and columns come from here alone, never from a request.
FIELDS = {
    "places": {
        "name": text(80),
        "kind": one_of(KINDS),
        "latitude": number(-90, 90),
        "longitude": number(-180, 180),
        "note": text(500, least=0),
    },
    "sightings": {
        "place": place,
        "species": text(80),
        "count": number(1, 10000, whole=True),
        "day": day,
    },
}
DEFAULTS = {"places": {"kind": "beach", "note": ""}, "sightings": {"count": 1}}


@contextmanager
def database():
    """A connection for one request. Whoever waits for another writer does so for seconds, not for ever."""
    path = Path(os.environ["STATE_DIRECTORY"]) / "map.sqlite"
    try:
        connection = sqlite3.connect(path, timeout=5)
        connection.row_factory = sqlite3.Row
        try:
            connection.execute("PRAGMA foreign_keys = on")
            with connection:
                yield connection
        finally:
            connection.close()
    except sqlite3.Error as problem:
        raise Unavailable(str(problem)) from problem


def find(table, wanted):
    """The rows that a query asks for, in the order in which they were added."""
    conditions, values = [], []
    if table == "places" and wanted.get("search"):
        # Without LIKE's own signs.
        conditions.append("instr(lower(name || ' ' || note), lower(?)) > 0")
        values.append(wanted["search"])
    for name in {"places": ("kind",), "sightings": ("place", "species")}[table]:
        if wanted.get(name):
            conditions.append(f"CAST({name} AS TEXT) = ?")
            values.append(wanted[name])
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    with database() as connection:
        rows = connection.execute(f"SELECT * FROM {table} {where} ORDER BY id LIMIT {MOST_ROWS}", values)
        return [dict(row) for row in rows]


def get(table, number):
    with database() as connection:
        return row_of(connection, table, number)


def row_of(connection, table, number):
    row = None
    if number <= LARGEST_ID:
        row = connection.execute(f"SELECT * FROM {table} WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise Missing(f"there is no {number} in {table}")
    return dict(row)


def cleaned(connection, table, sent):
    fields = FIELDS[table]
    unknown = sorted(set(sent) - set(fields) - {"id"})
    if unknown:
        raise Refused(f"there is no `{unknown[0]}` in {table}; there are {', '.join(fields)}")
    return {name: fields[name](name, value, connection) for name, value in sent.items() if name != "id"}


def add(table, sent):
    with database() as connection:
        values = cleaned(connection, table, DEFAULTS[table] | sent)
        for name in FIELDS[table]:
            if name not in values:
                raise Refused(f"`{name}` is missing")
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        done = connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(values.values()))
        return row_of(connection, table, done.lastrowid)


def edit(table, number, sent):
    with database() as connection:
        row_of(connection, table, number)
        values = cleaned(connection, table, sent)
        if values:
            changes = ", ".join(f"{name} = ?" for name in values)
            connection.execute(f"UPDATE {table} SET {changes} WHERE id = ?", [*values.values(), number])
        return row_of(connection, table, number)
