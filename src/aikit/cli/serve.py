"""aikit serve and aikit sign: the service, and addresses of its pictures."""

from __future__ import annotations

import argparse
from pathlib import Path

from .settings import add_sources

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the two subcommands."""
    parser = commands.add_parser(
        "serve",
        help="serve pictures and models over HTTP",
        description="Serve pictures and models over HTTP. All that can be set is shown by `aikit settings`.",
    )
    add_sources(parser)
    parser.add_argument("--base", metavar="DIR", help="the folder of pictures for signed addresses")
    parser.add_argument("--models", metavar="FILE.py", action="append", help="a file that registers models")
    parser.add_argument("--host", help="where to listen, 127.0.0.1 unless set")
    parser.add_argument("--port", type=int, help="where to listen, 8000 unless set")
    parser.add_argument("--workers", type=int, help="processes, 1 unless set")
    parser.add_argument(
        "--cache", metavar="URL", help="where answers are kept: memory:, dir:/path, redis://host, or none"
    )
    parser.add_argument(
        "--catalog",
        metavar="URL",
        help="where what became of each picture is kept: a file, or mysql://user@host/photos",
    )
    parser.add_argument("--engine", choices=("uvicorn", "ray"), default="uvicorn", help="one machine, or a Ray cluster")
    parser.set_defaults(run=_serve)

    parser = commands.add_parser(
        "sign",
        help="sign the address of a picture",
        description="Print the signed address of a picture that `aikit serve --base DIR` answers. "
        "The keys are those of AIKIT_SIGNING_KEYS or of the settings: the first one signs.",
    )
    add_sources(parser)
    parser.add_argument("name", metavar="NAME", help="the picture in the service's folder")
    parser.add_argument("--recipe", metavar="RECIPE", help='what to do: "trim; resize width=200; to=webp", or a preset')
    parser.add_argument("--width", type=int, metavar="N", help="resize to this width")
    parser.add_argument("--height", type=int, metavar="N", help="resize to this height")
    parser.add_argument("--to", metavar="FORMAT", help="write this format; without it the client says")
    parser.add_argument("--quality", type=int, metavar="1-100", help="of the format")
    parser.set_defaults(run=_sign)


def _serve(options: argparse.Namespace) -> int:
    from ..settings import Settings

    given = {name: getattr(options, name) for name in ("host", "port", "workers", "cache", "catalog", "models")}
    given["base"] = None if options.base is None else Path(options.base).absolute()
    if given["cache"] == "none":
        given["cache"] = ""
    settings = Settings(
        config=options.config, env_file=options.env_file,
        **{name: value for name, value in given.items() if value is not None},
    )  # fmt: skip
    if options.engine == "ray":
        from ..serve.on_ray import run as run_on_ray

        run_on_ray(settings)
    else:
        from ..serve.start import run

        run(settings)
    return 0


def _sign(options: argparse.Namespace) -> int:
    from ..serve.core import recipe_of_query
    from ..serve.signing import sign_url
    from ..settings import Settings

    settings = Settings(config=options.config, env_file=options.env_file)
    sizes = {"width": options.width, "height": options.height}
    if options.recipe in settings.presets:
        recipe = options.recipe
    else:
        recipe = recipe_of_query(options.recipe, sizes, {"to": options.to, "quality": options.quality}) or ""
    print(sign_url(options.name, recipe, keys=settings.secret_keys))
    return 0
