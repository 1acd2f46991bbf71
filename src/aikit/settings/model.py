"""Settings, the types of their fields, and where their values come from."""

from __future__ import annotations

import difflib
import io
import os
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, ClassVar, Literal, cast

import pydantic
import pydantic_settings
from pydantic import BeforeValidator, Field, PrivateAttr, SecretStr, ValidationInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .._io import make_folder, name_of, read_whole
from ..errors import FileFormatError, InputValueError, MissingDependencyError, quoted, without_password
from ..isolation import processors
from ..limits import Limits
from ..paths import inside

__all__ = ["Folder", "Settings", "SettingsFile"]

SettingsFile = str | os.PathLike[str]
_PREFIX = "AIKIT_"


# ---------------------------------------------------------------- types of fields


def _absolute_folder(value: object) -> object:
    """A folder that is there, by its whole path: never one that depends on where the program was started."""
    if value is None:
        return None
    path = Path(cast("str", value)).expanduser()
    if not path.is_absolute():
        raise ValueError("an absolute path, for a relative one depends on where the program is started")
    if not path.is_dir():
        raise ValueError("a folder that exists")
    return path.resolve()


def _folder_under_base(value: object, info: ValidationInfo) -> object:
    """A folder of the program's own: a relative name lies in `base` and is made where it is missing."""
    path = Path(cast("str", value)).expanduser()
    if path.is_absolute():
        return _absolute_folder(path)
    base = info.data.get("base")
    if base is None:
        raise ValueError("an absolute path, or base to be set, in which a relative one lies")
    folder = inside(base, path.as_posix())
    make_folder(folder)
    return folder


def _split(value: object) -> object:
    """Lists in the environment: words between commas."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


Folder = Annotated[Path, BeforeValidator(_folder_under_base)]
_Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
_Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_split)]
_Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]
_Formats = Literal[
    "png", "jpeg", "webp", "gif", "avif", "heic", "tiff", "bmp", "ico", "ppm", "jxl", "svg", "psd", "glb"
]


class Settings(BaseSettings):
    """What a service needs to know, checked before it starts.

    Derive a class of your own for more fields; those of the type `Folder` lie in `base` and are made where missing.

    Args:
        config: a TOML file, or YAML where PyYAML is installed, with fields by their names; None reads none.
        env_file: a .env file; lines of other programs in it are left alone. None reads none.
        values: fields by name, which win over everything else.

    Attributes:
        base: the folder whose pictures are served; absolute, and there.
        host, port: where to listen; port 0 takes a free one.
        workers: processes.
        places: pictures at work at once, over all workers; None means as many as processors.
        queue: requests that may wait for a place.
        patience: seconds that one waits before it is refused.
        max_bytes: of a body.
        max_pixels, max_seconds, max_memory: as in `Limits`.
        body_seconds: in which a body has to have come.
        formats: that are read.
        metadata: what of an upload's metadata its answer carries, as in `write`.
        cache: where answers are kept: "memory:", "dir:/path?size=1GiB", "redis://host/1"; "dir:" is the user's own cache
            folder, "" keeps none. Passwords in it are not shown.
        cache_seconds: how long an answer is kept.
        catalog: where what became of each picture is kept, as `open_catalog` takes it: a path, or "mysql://user@host/photos"; ""
            keeps nothing.
        catalog_password: of its server, where the address has none.
        signing_keys: for addresses of pictures: the first signs, all are accepted.
        presets: recipes by name, for signed addresses: `thumbnail = "resize width=200; to=webp"` in a table of TOML.
        models: Python files that register models.
        model_memory: bytes that models may take together; None leaves that to the device.
        docs: whether /docs is there; its page loads scripts from elsewhere.
        log_format, log_level: as in `logs.configure`.
        shutdown_seconds: in which requests in flight are answered once the end was asked for.

    Raises:
        InputValueError: an unknown field, variable or key, or a value that does not fit; all of them are named.
        FileAccessError: a file that was named and cannot be read.
        FileFormatError: one that is no TOML or YAML.
        MissingDependencyError: YAML without PyYAML.

    Example:
        >>> settings = Settings(port=9000)
        >>> settings.port, settings.origins["port"], settings.origins["host"]
        (9000, 'argument', 'default')
    """

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True
    )

    base: Annotated[Path | None, BeforeValidator(_absolute_folder)] = None
    # Empty would be every address of the machine, which is said by 0.0.0.0.
    host: str = Field("127.0.0.1", min_length=1)
    port: int = Field(8000, ge=0, le=65535)
    workers: int = Field(1, ge=1)
    places: int | None = Field(None, ge=1)
    queue: int = Field(16, ge=0)
    patience: float = Field(10, gt=0)
    max_bytes: int = Field(10_000_000, ge=1)
    max_pixels: int = Field(50_000_000, ge=1)
    max_seconds: float = Field(10, gt=0)
    max_memory: int = Field(2 * 1024**3, ge=1)
    body_seconds: float = Field(30, gt=0)
    formats: Annotated[tuple[_Formats, ...], NoDecode, BeforeValidator(_split)] = (
        "png", "jpeg", "webp", "gif", "avif",
    )  # fmt: skip
    metadata: Literal["strip", "public", "keep"] = "strip"
    cache: SecretStr = SecretStr("dir:")
    cache_seconds: float = Field(86_400, gt=0)
    catalog: SecretStr = SecretStr("")
    catalog_password: SecretStr = SecretStr("")
    signing_keys: _Secrets = ()
    presets: dict[str, str] = Field(default_factory=dict)
    models: _Paths = ()
    model_memory: int | None = Field(None, ge=1)
    docs: bool = False
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error", "critical"] = "info"
    shutdown_seconds: float = Field(20, gt=0)

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)
    # Fields whose values are shown in part: "redis://user:**********@host".
    _SHOWN_IN_PART: ClassVar[frozenset[str]] = frozenset({"cache", "catalog"})

    def __init__(
        self, *, config: SettingsFile | None = None, env_file: SettingsFile | None = None, **values: object
    ) -> None:
        merged, origins = _merge(type(self), config, env_file, values)
        try:
            super().__init__(**merged)  # type: ignore[arg-type]
        except pydantic.ValidationError as error:
            raise _as_ours(error, origins) from None
        self._origins = origins

    @property
    def origins(self) -> Mapping[str, str]:
        """Where each value came from: "argument", a variable, a file, or "default"."""
        return {name: self._origins.get(name, "default") for name in type(self).model_fields}

    @property
    def limits(self) -> Limits:
        """What one upload may cost."""
        return Limits(
            max_bytes=self.max_bytes,
            max_pixels=self.max_pixels,
            max_seconds=self.max_seconds,
            max_memory=self.max_memory,
            formats=self.formats,
        )

    @property
    def secret_keys(self) -> list[str]:
        """The signing keys themselves."""
        return [each.get_secret_value() for each in self.signing_keys]

    @property
    def places_a_worker(self) -> int:
        """Pictures at work at once in each of the processes."""
        return max(1, (self.places or processors()) // self.workers)

    def shown(self) -> dict[str, str]:
        """Its values as text, without secrets, for people and for logs."""
        return {name: self._show(name, getattr(self, name)) for name in type(self).model_fields}

    def _show(self, name: str, value: object) -> str:
        if name in self._SHOWN_IN_PART and isinstance(value, SecretStr):
            return without_password(value.get_secret_value())
        if isinstance(value, tuple):
            return ", ".join(self._show(name, each) for each in value)
        return "" if value is None else str(value)


# ---------------------------------------------------------------- sources


def _merge(
    kind: type[BaseSettings], config: SettingsFile | None, env_file: SettingsFile | None, values: Mapping[str, object]
) -> tuple[dict[str, object], dict[str, str]]:
    """The values of all sources, the strongest last, and where each came from."""
    merged: dict[str, object] = {}
    origins: dict[str, str] = {}

    def take(found: Mapping[str, object], where: str, prefix: str = "") -> None:
        for name, value in found.items():
            merged[name] = value
            origins[name] = f"{where}{prefix}{name.upper() if prefix else ''}"

    fields = set(kind.model_fields)
    if config is not None:
        found = _read_file(config)
        _check_known(found, fields, name_of(config), "")
        take(found, name_of(config))
    if env_file is not None:
        dotenv = _read_env_file(env_file)
        _check_known(_with_prefix(dotenv), fields, name_of(env_file), _PREFIX)
        take(_parse(kind, dotenv), f"{name_of(env_file)}: ", _PREFIX)
    _check_known(_with_prefix(os.environ), fields, "environment", _PREFIX)
    take(_parse(kind, os.environ), "", _PREFIX)
    _check_known(values, fields, "Settings", "")
    take(values, "argument")
    return merged, origins


def _read_env_file(path: SettingsFile) -> dict[str, str | None]:
    """The variables of a .env file. Lines that are none are refused: dotenv itself leaves them out."""
    name = name_of(path)
    try:
        text = read_whole(path).decode()
    except UnicodeDecodeError as error:
        raise FileFormatError(name, "lines in UTF-8", quoted(str(error)), "mend it") from error
    found: dict[str, str | None] = {}
    for each in import_module("dotenv.parser").parse_stream(io.StringIO(text)):
        line = f"line {each.original.line}"
        if each.error:  # not shown: it may hold a secret
            raise FileFormatError(name, "lines NAME=value", f"{line}, which is none", "mend it; look at its quotes")
        if each.key is not None and each.value is None and each.key.upper().startswith(_PREFIX):
            raise InputValueError(name, f"a value for {each.key}", f"none in {line}", "write NAME=value")
        if each.key is not None:
            found[each.key] = each.value
    return found


def _with_prefix(variables: Mapping[str, str | None]) -> list[str]:
    return [name[len(_PREFIX) :].lower() for name in variables if name.upper().startswith(_PREFIX)]


def _parse(kind: type[BaseSettings], variables: Mapping[str, str | None]) -> dict[str, object]:
    """The fields that variables set, as pydantic-settings parses them."""
    for name, count in Counter(_with_prefix(variables)).items():
        if count > 1:
            written = f"{_PREFIX}{name.upper()}"
            raise InputValueError("environment", f"{written} once", "several that differ in case", "remove the others")
    source = pydantic_settings.EnvSettingsSource(kind)
    source.env_vars = {name.lower(): value for name, value in variables.items()}
    try:
        return source()
    except pydantic_settings.SettingsError as error:
        raise InputValueError("environment", "values that fit their fields", str(error), "mend them") from error


def _check_known(given: Iterable[str], fields: set[str], where: str, prefix: str) -> None:
    """Refuse names that no field has: a slip would otherwise be a default in silence."""
    for name in given:
        if name in fields:
            continue
        written = f"{prefix}{name.upper()}" if prefix else name
        near = difflib.get_close_matches(name, fields, 1)
        remedy = f"write {prefix}{near[0].upper() if prefix else near[0]}" if near else "remove it"
        raise InputValueError(where, "names of settings", quoted(written), remedy)


def _read_file(path: SettingsFile) -> dict[str, object]:
    name = name_of(path)
    try:
        text = read_whole(path).decode()
        return _parse_yaml(name, text) if name.lower().endswith((".yaml", ".yml")) else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileFormatError(name, "TOML in UTF-8", quoted(str(error)), "mend it") from error


def _parse_yaml(name: str, text: str) -> dict[str, object]:
    try:
        yaml = import_module("yaml")
    except ImportError as error:
        raise MissingDependencyError(name, "the package PyYAML", "none", "run: pip install pyyaml") from error
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise FileFormatError(name, "YAML", quoted(str(error)), "mend it") from error
    if not isinstance(found, dict) and found is not None:
        raise FileFormatError(name, "fields and their values", type(found).__name__, "write name: value")
    return found or {}


def _as_ours(error: pydantic.ValidationError, origins: Mapping[str, str]) -> InputValueError:
    """All that is wrong in one message; values are not in it, for one may be a secret."""
    told = []
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        name = str(each["loc"][0]) if each["loc"] else "settings"
        reason = each["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        told.append(f"{name}, from {origins.get(name, 'its default')}, must be {reason}")
    return InputValueError("settings", "values that fit", "; ".join(told), "change them")
