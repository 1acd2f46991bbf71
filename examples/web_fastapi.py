"""Pictures and models from strangers, with FastAPI: python examples/web_fastapi.py [port].

The command does the same: aikit serve --models examples/web_models.py. docs/api/serve.md has all addresses.
"""

import socket
import sys
from pathlib import Path

import uvicorn

from aikit.serve import create_app
from aikit.settings import Settings

app = create_app(Settings(models=(Path(__file__).parent / "web_models.py",), cache="memory:"))

if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8000)) as door:
        print(f"listening on http://127.0.0.1:{door.getsockname()[1]}", flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[door])
