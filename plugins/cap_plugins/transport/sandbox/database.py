"""The state of the sandbox in SQLite: in memory, or in a file that outlives the process."""

from __future__ import annotations

import contextlib
import sqlite3
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from cap_core.errors import StartError

Item = dict[str, Any]
"""An item as responses have it: a JSON object with an `id`."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS items (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, namespace TEXT, shelf TEXT, id TEXT, body BLOB, UNIQUE (namespace, shelf, id)
);
CREATE INDEX IF NOT EXISTS items_by_id ON items (namespace, id);
CREATE TABLE IF NOT EXISTS counters (namespace TEXT, name TEXT, value INTEGER, PRIMARY KEY (namespace, name));
CREATE TABLE IF NOT EXISTS marks (namespace TEXT, name TEXT, PRIMARY KEY (namespace, name));
"""
# "CapS": a file with another application id is another program's database, and is not touched.
_APPLICATION_ID: Final = 0x43617053
_BUSY_TIMEOUT: Final = 5.0


class Database:
    """One SQLite database, with a part for each namespace."""

    def __init__(self, path: Path | None) -> None:
        try:
            self._connection = _connected(path)
        except (sqlite3.Error, OSError) as error:
            raise StartError(f"the sandbox cannot keep its state in {path}: {error}") from None
        # A database in memory is closed when the transport that holds it is collected.
        self.close = weakref.finalize(self, self._connection.close)

    def state(self, namespace: str) -> State:
        """The part of one namespace."""
        return State(self._connection, namespace)


def _connected(path: Path | None) -> sqlite3.Connection:
    # One event loop uses a connection, but not always from the thread that made it.
    connection = sqlite3.connect(path or ":memory:", _BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    # One transaction checks and creates: of two processes that start at once, one waits for the other.
    connection.execute("BEGIN IMMEDIATE")
    try:
        (mark,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and mark != _APPLICATION_ID:
            raise sqlite3.DatabaseError("it is the database of something else")
        connection.execute(f"PRAGMA application_id={_APPLICATION_ID}")
        for statement in filter(str.strip, _TABLES.split(";")):
            connection.execute(statement)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    # So no request waits for the disk; only a power failure can lose what the last ones did.
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous=NORMAL")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch the journal mode, which fails while another process writes; SQLite does not wait for it by itself."""
    end = time.monotonic() + _BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


class State:
    """Everything of one namespace: items on shelves, counters, and marks (names that are set or not).

    A shelf is the address of a collection with its identifiers filled in, so the shelf of whatever is below an item
    begins with the item's own address.
    """

    def __init__(self, connection: sqlite3.Connection, namespace: str) -> None:
        self._connection = connection
        self._namespace = namespace

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction: all changes inside it or none; nobody else writes meanwhile."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def get(self, shelf: str, id: str) -> Item | None:
        """An item, or None."""
        found = self._select("shelf = ? AND id = ?", shelf, id)
        return found[0] if found else None

    def all(self, shelf: str) -> list[Item]:
        """A shelf's items in the order of their creation."""
        return self._select("shelf = ?", shelf)

    def everything(self) -> list[Item]:
        """Every item of every collection."""
        return self._select("id <> ''")

    def with_id(self, id: str) -> list[tuple[str, Item]]:
        """Every item with this identifier, and its shelf, in the order of creation."""
        sql = "SELECT shelf, body FROM items WHERE namespace = ? AND id = ? ORDER BY seq"
        return [(shelf, msgspec.json.decode(body)) for shelf, body in self._execute(sql, id)]

    def put(self, shelf: str, id: str, item: Item) -> None:
        """Store an item; one that is replaced keeps its place in the order."""
        sql = (
            "INSERT INTO items (namespace, shelf, id, body) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (namespace, shelf, id) DO UPDATE SET body = excluded.body"
        )
        self._execute(sql, shelf, id, msgspec.json.encode(item))

    def remove(self, shelf: str, id: str, address: str) -> None:
        """Delete an item and everything below its address."""
        self._execute("DELETE FROM items WHERE namespace = ? AND shelf = ? AND id = ?", shelf, id)
        # "0" follows "/", so the range is every address that begins with this one and a slash.
        below = (address, address + "/", address + "0")
        self._execute("DELETE FROM items WHERE namespace = ? AND (shelf = ? OR (shelf >= ? AND shelf < ?))", *below)
        self._execute("DELETE FROM marks WHERE namespace = ? AND (name = ? OR (name >= ? AND name < ?))", *below)

    def count(self, name: str) -> int:
        """The next number under a name; never the same one twice."""
        sql = "INSERT INTO counters VALUES (?, ?, 1) ON CONFLICT (namespace, name) DO UPDATE SET value = value + 1"
        self._execute(sql, name)
        (value,) = self._execute("SELECT value FROM counters WHERE namespace = ? AND name = ?", name).fetchone()
        return int(value)

    def is_marked(self, name: str) -> bool:
        """Whether a mark is set."""
        sql = "SELECT 1 FROM marks WHERE namespace = ? AND name = ?"
        return self._execute(sql, name).fetchone() is not None

    def mark(self, name: str) -> None:
        """Set a mark."""
        self._execute("INSERT OR IGNORE INTO marks VALUES (?, ?)", name)

    def _select(self, condition: str, *values: str) -> list[Item]:
        sql = f"SELECT body FROM items WHERE namespace = ? AND {condition} ORDER BY seq"  # noqa: S608 (our own text)
        return [msgspec.json.decode(body) for (body,) in self._execute(sql, *values)]

    def _execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        return self._connection.execute(sql, (self._namespace, *values))


class Databases:
    """The databases of one transport, by file. One in a file is closed by its last user; one in memory stays open."""

    def __init__(self) -> None:
        self._open: dict[Path | None, Database] = {}
        self._users: dict[Path | None, int] = {}

    @contextlib.contextmanager
    def using(self, path: Path | None) -> Iterator[Database]:
        """A database, opened if it is not yet."""
        database = self._open.get(path)
        if database is None:
            database = self._open[path] = Database(path)
        self._users[path] = self._users.get(path, 0) + 1
        try:
            yield database
        finally:
            self._users[path] -= 1
            if path is not None and not self._users[path]:
                del self._open[path]
                database.close()
