import logging
import sys
import uuid

import pytest
from hypothesis import settings

from servers import mariadb_server, postgresql_server

# The first call in a process loads packages, which says nothing about the call: no deadline.
settings.register_profile("aikit", deadline=None)
settings.load_profile("aikit")


def pytest_collection_modifyitems(items):
    gpu = [item for item in items if item.get_closest_marker("gpu")]
    if not gpu:
        return
    import torch

    if not torch.cuda.is_available():
        for item in gpu:
            item.add_marker(pytest.mark.skip(reason="no CUDA here"))


@pytest.fixture(params=["NumPy", "torch"])
def tensors_work_in(request, monkeypatch):
    """Tensors in host memory as they are, through NumPy; and as on an accelerator, through torch."""
    if request.param == "torch":
        monkeypatch.setattr("aikit._adapters.torch.on_host", lambda plane: None)


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory):
    """The address of a MariaDB of these tests' own, without a database."""
    with mariadb_server(tmp_path_factory.mktemp("mariadb")) as (url, _):
        yield url


@pytest.fixture(scope="session")
def postgresql():
    """The address of a PostgreSQL of these tests' own, without a database."""
    with postgresql_server() as (url, _):
        yield url


@pytest.fixture(params=["sqlite", "mariadb", "postgresql"])
def catalog_url(request, tmp_path):
    """Where a catalogue may lie: a file, or a new database of each server that there is."""
    if request.param == "sqlite":
        return str(tmp_path / "catalog.sqlite")
    if request.param == "postgresql":
        pytest.importorskip("psycopg")
    return new_database(request.getfixturevalue(request.param))


def new_database(server):
    """The address of an empty database."""
    import sqlalchemy as sa

    scheme, _, rest = server.partition("://")
    driver, home = {"mysql": ("mysql+pymysql", "mysql"), "postgresql": ("postgresql+psycopg", "postgres")}[scheme]
    name = f"t{uuid.uuid4().hex[:16]}"
    engine = sa.create_engine(f"{driver}://{rest}{home}", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server + name


@pytest.fixture(autouse=True)
def no_log_of_a_program_stays():
    """A test that starts a program's log ends it: its stream has gone."""
    yield
    logs = sys.modules.get("aikit.logs")
    if logs is not None and logs._ours:
        root = logging.getLogger()
        for handler in logs._ours:
            root.removeHandler(handler)
            handler.close()
        logs._ours.clear()
        root.setLevel(logging.WARNING)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Let what was logged or printed travel from one process to another: names of files may hold half a surrogate."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report
