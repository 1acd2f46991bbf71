"""Where a catalogue lies: the file of SQLite or the address of a server, without its password where it is shown."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

import sqlalchemy as sa

from .._io import check_path
from ..errors import FileAccessError, InputTypeError, InputValueError, quoted
from .packages import load_package

__all__ = ["PASSWORD", "Address", "read_address"]

# The variable that has the password of a server whose address has none.
PASSWORD = "AIKIT_CATALOG_PASSWORD"  # noqa: S105 - its name

# Schemes, what SQLAlchemy calls them, and the package that speaks to them.
_SERVERS = {
    "mysql": ("mysql+pymysql", "pymysql"),
    "mariadb": ("mysql+pymysql", "pymysql"),
    "postgresql": ("postgresql+psycopg", "psycopg"),
    "postgres": ("postgresql+psycopg", "psycopg"),
}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(//.*|memory:)", re.DOTALL)
_KINDS = "a path of SQLite, mysql://user@host/database or postgresql://user@host/database"

# File systems of networks, as mount and macOS call them: SQLite's locks and shared memory do not hold there.
_NETWORK = {
    "9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "davfs", "fuse.ceph", "fuse.davfs2", "fuse.glusterfs", "fuse.rclone",
    "fuse.s3fs", "fuse.sshfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs3", "nfs4", "smb2", "smb3", "smbfs",
    "webdav",
}  # fmt: skip


@dataclass(frozen=True)
class Address:
    """Where a catalogue lies.

    Attributes:
        url: SQLAlchemy's, with the password in it.
        path: of SQLite's file, or None.
        shown: for people and logs, without password and options.
    """

    url: sa.URL
    path: str | None
    shown: str

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"


def read_address(source: object, password: str | None = None) -> Address:
    """Read where a catalogue lies.

    Args:
        source: a path, or the address of a server.
        password: of the server, where the address has none; else that of the environment counts.

    Raises:
        InputTypeError: neither a text nor a path.
        InputValueError: an address of another kind, or without a database.
        MissingDependencyError: the server's package is not installed.
        FileAccessError: the file would lie on a network file system.
    """
    found = _SCHEME.match(source) if isinstance(source, str) else None
    if found is None:
        return _of_file(source)
    scheme = found[1].lower().partition("+")[0]
    if scheme == "sqlite" and isinstance(source, str):
        return _of_file(source.partition("://")[2].partition("?")[0].removeprefix("/"))
    if scheme not in _SERVERS:
        raise InputValueError("source", _KINDS, f"an address of {quoted(scheme)}", "write one of these")
    driver, package = _SERVERS[scheme]
    load_package(package, "source")
    return _of_server(str(source), driver, password)


def _of_file(source: object) -> Address:
    if not isinstance(source, (str, os.PathLike)):
        raise InputTypeError("source", _KINDS, type(source).__name__, "pass a str or a pathlib.Path")
    text = os.fspath(source)
    if text in ("", ":memory:"):
        raise InputValueError("source", "the path of a file", quoted(text), "name one that the catalogue is kept in")
    path = os.path.abspath(check_path("source", text))
    if os.path.isdir(path):
        remedy = f"name a file in it, {quoted(os.path.join(text, 'pictures.sqlite'))}"
        raise FileAccessError(path, "a file", "a folder", remedy, filename=path)
    _refuse_network(path)
    return Address(sa.URL.create("sqlite", database=path), path, path)


def _of_server(text: str, driver: str, password: str | None) -> Address:
    try:
        url = sa.make_url(text).set(drivername=driver)
    except (sa.exc.ArgumentError, ValueError):
        # Not `from` it: that error quotes the whole address.
        raise InputValueError(
            "source", "an address such as mysql://user@host:3306/database", "one that cannot be read",
            "write it so; in a password write %40 for @, %2F for / and %3A for :",
        ) from None  # fmt: skip
    if not url.database:
        raise InputValueError("source", "the name of a database behind the host", "none", "add it: mysql://host/photos")
    password = password or os.environ.get(PASSWORD)
    if url.password is None and password:
        url = url.set(password=password)
    if driver.startswith("mysql"):
        url = url.update_query_dict({"charset": "utf8mb4"})
    user = "" if url.username is None else f"{url.username}{'' if url.password is None else ':***'}@"
    port = "" if url.port is None else f":{url.port}"
    return Address(url, None, f"{driver.partition('+')[0]}://{user}{url.host or ''}{port}/{url.database}")


def _refuse_network(path: str) -> None:
    """Refuse a file on a network: what is locked there is not locked for others, and what is written may be torn."""
    import psutil

    real = os.path.realpath(path)
    mounts = [each for each in psutil.disk_partitions(all=True) if _lies_in(real, each.mountpoint)]
    mount = max(mounts, key=lambda each: len(each.mountpoint), default=None)
    if mount is None or not (mount.fstype.lower() in _NETWORK or "remote" in mount.opts.split(",")):
        return
    raise FileAccessError(
        path, "a disk of this machine, for SQLite's locks do not hold on a network", f"{mount.fstype} at {mount.mountpoint}",
        "keep the catalogue on a local disk, or in MariaDB: mysql://user@host/database", filename=path,
    )  # fmt: skip


def _lies_in(path: str, folder: str) -> bool:
    below = folder if folder.endswith(os.sep) else folder + os.sep
    return path == folder or path.startswith(below)
