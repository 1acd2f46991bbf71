"""Tables of any database for people who work in pandas or in SQL: keys, types and time zones kept, rows never one by one."""

from __future__ import annotations

from .connection import Connection, connect
from .frames import Written, read_table, write_table

__all__ = ["Connection", "Written", "connect", "read_table", "write_table"]
