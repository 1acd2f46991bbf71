"""A recipe as what one takes away from a page: the same in Python, for the shell, as an address, and as TOML."""

from __future__ import annotations

import shlex
from pathlib import PurePath
from urllib.parse import quote

from ..recipe import Recipe
from ..recipe.steps import as_dict, as_plain

__all__ = ["as_curl", "as_python", "as_shell", "as_url", "name_of_result"]

_WIDTH = 88
_SERVICE = "http://127.0.0.1:8000"


def name_of_result(source: str, to: str | None) -> str:
    """The name of what a picture becomes.

    Example:
        >>> name_of_result("holiday/photo.jpg", "webp"), name_of_result("photo.jpg", None)
        ('photo-result.webp', 'photo-result.jpg')
    """
    path = PurePath(source)
    return f"{path.stem}-result{f'.{to}' if to else path.suffix}"


def as_python(recipe: Recipe, source: str) -> str:
    """A program that does the same, and writes the same bytes.

    Example:
        >>> print(as_python(Recipe.parse("trim; resize width=512; to=webp"), "photo.png"))
        from pathlib import Path
        <BLANKLINE>
        import aikit
        <BLANKLINE>
        recipe = aikit.Recipe([("trim", {}), ("resize", {"width": 512})], to="webp")
        Path("photo-result.webp").write_bytes(recipe.bytes("photo.png"))
    """
    steps = [f"({_spell(name)}, {_spell(as_dict(keywords))})" for name, keywords in recipe.steps]
    options = [f"{name}={_spell(as_plain(value))}" for name, value in recipe._list_options().items()]
    call = _call("aikit.Recipe", ([_list(steps)] if steps or not options else []) + options)
    result = name_of_result(source, recipe.to)
    lines = [
        "from pathlib import Path", "", "import aikit", *_import(recipe), "", f"recipe = {call}",
        f"Path({_spell(result)}).write_bytes(recipe.bytes({_spell(source)}))",
    ]  # fmt: skip
    return "\n".join(lines)


def as_shell(recipe: Recipe, source: str) -> str:
    """The command that does the same, and writes the same bytes.

    Example:
        >>> as_shell(Recipe.parse("trim; resize width=512; to=webp"), "my photo.png")
        "aikit run 'trim; resize width=512; to=webp' 'my photo.png' 'my photo-result.webp'"
    """
    options = [word for module in recipe.modules for word in ("--operations", module)]
    files = [_no_option(source), _no_option(name_of_result(source, recipe.to))]
    return shlex.join(["aikit", "run", *options, str(recipe), *files])


def as_url(recipe: Recipe) -> str:
    """The address, below that of `aikit serve`, to which a picture is sent.

    Example:
        >>> as_url(Recipe.parse("trim; to=webp"))
        '/v1/images?recipe=trim%3B%20to%3Dwebp'
    """
    return f"/v1/images?recipe={quote(str(recipe), safe='')}"


def as_curl(recipe: Recipe, source: str) -> str:
    """The command that sends a picture to `aikit serve` on this machine and keeps the answer.

    Example:
        >>> as_curl(Recipe.parse("to=webp"), "photo.png")
        'curl --data-binary @photo.png http://127.0.0.1:8000/v1/images?recipe=to%3Dwebp -o photo-result.webp'
    """
    address, result = f"{_SERVICE}{as_url(recipe)}", name_of_result(source, recipe.to)
    return shlex.join(["curl", "--data-binary", f"@{source}", address, "-o", _no_option(result)])


# ---------------------------------------------------------------- words of Python


def _import(recipe: Recipe) -> list[str]:
    """What registers operations of one's own: modules by their names, files and folders by their paths."""
    lines = []
    for module in recipe.modules:
        if all(part.isidentifier() for part in module.split(".")) and not module.endswith(".py"):
            lines.append(f"import {module}")
        else:
            loader = "load_file" if module.endswith(".py") else "load_package"
            lines.append(f"aikit.plugins.{loader}({_spell(module)})")
    return lines


def _call(function: str, arguments: list[str]) -> str:
    line = f"{function}({', '.join(arguments)})"
    if len(f"recipe = {line}") <= _WIDTH:
        return line
    inner = "".join(f"    {each.replace(chr(10), chr(10) + '    ')},\n" for each in arguments)
    return f"{function}(\n{inner})"


def _list(items: list[str]) -> str:
    line = f"[{', '.join(items)}]"
    if len(line) <= _WIDTH - 20:
        return line
    return "[\n" + "".join(f"    {each},\n" for each in items) + "]"


def _spell(value: object) -> str:
    """Plain data as Python writes it, with double quotes where they read as well."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_spell(name)}: {_spell(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_spell, value)) + "]"
    if isinstance(value, str) and value.isprintable() and '"' not in value and "\\" not in value:
        return f'"{value}"'
    return repr(value)


def _no_option(name: str) -> str:
    """A name that no command takes for an option."""
    return f"./{name}" if name.startswith("-") else name
