"""One order of sources, and no slip in silence."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from aikit import FileAccessError, FileFormatError, InputValueError
from aikit.cli import main
from aikit.settings import Folder, Settings


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """No AIKIT_ variables but those of the test."""
    import os

    for name in list(os.environ):
        if name.upper().startswith("AIKIT_"):
            monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture
def files(tmp_path):
    (tmp_path / "a.toml").write_text('port = 1\nqueue = 1\nhost = "toml"\nformats = ["png"]\npatience = 1.5\n')
    (tmp_path / "a.env").write_text(
        "AIKIT_PORT=2\nAIKIT_QUEUE=2\nAIKIT_HOST=dotenv\nOTHER_PROGRAM=x\nexport AIKIT_PLACES='3'\n"
    )
    return {"config": tmp_path / "a.toml", "env_file": tmp_path / "a.env"}


def test_the_order_of_the_sources_and_where_each_value_comes_from(files, environment):
    environment.setenv("AIKIT_PORT", "3")
    environment.setenv("aikit_queue", "3")
    settings = Settings(**files, port=4)
    assert (settings.port, settings.queue, settings.host, settings.patience, settings.places) == (
        4,
        3,
        "dotenv",
        1.5,
        3,
    )
    origins = settings.origins
    assert (origins["port"], origins["queue"], origins["workers"]) == ("argument", "AIKIT_QUEUE", "default")
    assert origins["host"] == f"{files['env_file']}: AIKIT_HOST"
    assert origins["patience"] == str(files["config"])


def test_lists_are_words_between_commas(environment):
    environment.setenv("AIKIT_FORMATS", "png, jpeg,")
    environment.setenv("AIKIT_SIGNING_KEYS", "one,two")
    settings = Settings()
    assert settings.formats == ("png", "jpeg")
    assert [each.get_secret_value() for each in settings.signing_keys] == ["one", "two"]


def test_nothing_is_read_that_was_not_named(tmp_path, environment):
    (tmp_path / ".env").write_text("AIKIT_PORT=1\n")
    (tmp_path / "aikit.toml").write_text("port = 1\n")
    environment.chdir(tmp_path)
    assert Settings().port == 8000


SLIPS = {
    "a variable": ({"AIKIT_PROT": "1"}, {}, r"environment: expected names of settings, got 'AIKIT_PROT'; write AIKIT_PORT\."),
    "a variable like none": ({"AIKIT_XYZZY": "1"}, {}, r"got 'AIKIT_XYZZY'; remove it\."),
    "an argument": ({}, {"prot": 1}, r"Settings: expected names of settings, got 'prot'; write port\."),
    "a value": ({"AIKIT_PORT": "many"}, {}, "got port, from AIKIT_PORT, must be a valid integer"),
    "a bound": ({}, {"queue": -1}, "got queue, from argument, must be greater than or equal to 0"),
    "two": ({"AIKIT_PORT": "x"}, {"queue": -1}, "port, from AIKIT_PORT, .*queue, from argument"),
    "a format": ({}, {"formats": ("exe",)}, "formats, from argument, must be 'png'"),
    "a relative base": ({}, {"base": "pictures"}, "base, from argument, must be an absolute path"),
    "a base that is not there": ({"AIKIT_BASE": "/no/such/folder"}, {}, "base, from AIKIT_BASE, must be a folder that exists"),
}  # fmt: skip


@pytest.mark.parametrize(("variables", "values", "message"), SLIPS.values(), ids=SLIPS)
def test_a_slip_is_an_error(environment, variables, values, message):
    for name, value in variables.items():
        environment.setenv(name, value)
    with pytest.raises(InputValueError, match=message):
        Settings(**values)


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        ("a.toml", "prot = 1", InputValueError, r"a\.toml: expected names of settings, got 'prot'; write port"),
        ("a.toml", "port = ", FileFormatError, r"a\.toml: expected TOML in UTF-8"),
        ("a.yaml", "port: [", FileFormatError, r"a\.yaml: expected YAML"),
        ("a.yaml", "- port", FileFormatError, "expected fields and their values, got list"),
        ("a.yml", "!!python/object:os.system {}", FileFormatError, "expected YAML"),
    ],
)
def test_a_file_that_does_not_fit_is_an_error(tmp_path, name, text, error, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(error, match=message):
        Settings(config=tmp_path / name)


def test_a_misspelt_line_of_a_named_env_file_is_an_error(tmp_path):
    (tmp_path / ".env").write_text("AIKIT_PROT=1\n")
    with pytest.raises(InputValueError, match=r"\.env: expected names of settings, got 'AIKIT_PROT'; write AIKIT_PORT"):
        Settings(env_file=tmp_path / ".env")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"AIKIT_PORT=1\nAIKIT_SIGNING_KEYS='hunter2", "expected lines NAME=value, got line 2, which is none"),
        (b"AIKIT_PORT=1\nAIKIT_HOST\n", "expected a value for AIKIT_HOST, got none in line 2; write NAME=value"),
        (b"AIKIT_HOST=\xff", "expected lines in UTF-8"),
    ],
)
def test_no_line_of_an_env_file_is_left_out_in_silence(tmp_path, text, message):
    (tmp_path / ".env").write_bytes(text)
    with pytest.raises((FileFormatError, InputValueError), match=message) as caught:
        Settings(env_file=tmp_path / ".env")
    assert "hunter2" not in str(caught.value)


def test_a_variable_in_two_spellings_is_an_error(monkeypatch):
    monkeypatch.setenv("AIKIT_PORT", "1")
    monkeypatch.setenv("aikit_port", "2")
    with pytest.raises(InputValueError, match="environment: expected AIKIT_PORT once, got several that differ in case"):
        Settings()


def test_an_empty_host_is_not_every_address():
    with pytest.raises(InputValueError, match="host, from argument"):
        Settings(host="")


@pytest.mark.parametrize(
    "address",
    ["redis://user:hunter2@host/1", "redis://host/1?a=1&password=hunter2", "redis://u:hun?ter2@h/hunter2@host"],
)
def test_no_password_of_an_address_is_shown(address):
    shown = Settings(cache=address).shown()["cache"]
    assert "hun" not in shown
    assert "host" in shown


@pytest.mark.parametrize("option", ["config", "env_file"])
def test_a_file_that_is_missing_is_an_error(tmp_path, option):
    with pytest.raises(FileAccessError, match="No such file"):
        Settings(**{option: tmp_path / "none.toml"})


def test_yaml_and_empty_files(tmp_path):
    (tmp_path / "a.yaml").write_text("port: 7\nformats: [png]\n")
    (tmp_path / "empty.toml").write_text("")
    (tmp_path / "empty.yaml").write_text("")
    assert Settings(config=tmp_path / "a.yaml").port == 7
    assert Settings(config=tmp_path / "empty.toml").port == Settings(config=tmp_path / "empty.yaml").port == 8000


# ---------------------------------------------------------------- one's own


class Shop(Settings):
    database: SecretStr = SecretStr("sqlite://")
    uploads: Folder = Folder("uploads/new")


def test_folders_of_ones_own_lie_in_base_and_are_made(tmp_path, environment):
    settings = Shop(base=tmp_path)
    assert settings.uploads == tmp_path.resolve() / "uploads" / "new"
    assert settings.uploads.is_dir()
    environment.setenv("AIKIT_UPLOADS", str(tmp_path))
    assert Shop(base=tmp_path).uploads == tmp_path.resolve()


@pytest.mark.parametrize("name", ["../out", "a/../../out", "nul"])
def test_a_folder_cannot_leave_base(tmp_path, name):
    (tmp_path / "base").mkdir()
    with pytest.raises(InputValueError, match=r"uploads, from argument, must be .*stays in its folder"):
        Shop(base=tmp_path / "base", uploads=name)
    assert [each.name for each in tmp_path.iterdir()] == ["base"]


def test_a_folder_needs_a_base():
    with pytest.raises(InputValueError, match="uploads, from its default, must be an absolute path, or base to be set"):
        Shop()


def test_settings_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 3


# ---------------------------------------------------------------- secrets


def test_no_secret_is_shown_anywhere(tmp_path, environment, capsys, caplog):
    environment.setenv("AIKIT_SIGNING_KEYS", "key-hunter2")
    environment.setenv("AIKIT_CACHE", "redis://user:pass-hunter2@host/1")
    settings = Shop(base=tmp_path, database="mysql://u:db-hunter2@h")
    assert settings.shown()["cache"] == "redis://user:**********@host/1"
    texts = [
        repr(settings),
        str(settings),
        str(settings.shown()),
        settings.model_dump_json(),
        f"{settings.signing_keys}",
    ]
    assert main(["settings"]) == 0
    assert main(["settings", "--json"]) == 0
    texts.append("".join(capsys.readouterr()))
    for values in ({"signing_keys": {"key": "hunter2"}}, {"signing_keys": 5, "cache": ["hunter2"]}):
        with pytest.raises(InputValueError, match="signing_keys") as caught:
            Settings(**values)
        texts.append(f"{caught.value} {caught.value.to_dict()} {caught.value.__cause__}")
    assert "hunter2" not in "".join(texts)
    assert settings.signing_keys[0].get_secret_value() == "key-hunter2"


def test_limits_follow_the_settings():
    limits = Settings(max_bytes=5, max_pixels=6, formats=("png",)).limits
    assert (limits.max_bytes, limits.max_pixels, limits.formats) == (5, 6, frozenset({"png"}))


# ---------------------------------------------------------------- the command


def test_the_command_says_what_holds_and_from_where(files, environment, capsys):
    environment.setenv("AIKIT_PORT", "3")
    assert main(["settings", "--config", str(files["config"]), "--env-file", str(files["env_file"])]) == 0
    printed = capsys.readouterr().out
    assert [line.split() for line in printed.splitlines() if line.startswith("port")] == [["port", "3", "AIKIT_PORT"]]
    assert main(["settings", "--json", "--config", str(files["config"])]) == 0
    assert json.loads(capsys.readouterr().out)["patience"] == {"value": "1.5", "from": str(files["config"])}


def test_the_command_says_what_is_wrong(environment, capsys):
    environment.setenv("AIKIT_PROT", "3")
    assert main(["settings"]) == 2
    assert (
        "aikit settings: environment: expected names of settings, got 'AIKIT_PROT'; write AIKIT_PORT."
        in capsys.readouterr().err
    )


def test_without_the_package_it_is_named():
    code = """
import sys
sys.modules["pydantic_settings"] = None
import aikit
print(aikit.settings.__name__)
try:
    aikit.settings.Settings
except aikit.MissingDependencyError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1]
    )
    assert done.stdout.splitlines() == [
        "aikit.settings",
        "aikit.settings.Settings: expected the package pydantic_settings, got none; run: pip install pydantic-settings.",
    ], done.stderr
