"""The same pictures and models with Flask, beside pages of one's own: python examples/web_flask.py [port]."""

import sys
from pathlib import Path

from flask import Flask
from werkzeug.serving import make_server

from aikit.serve.flask import blueprint
from aikit.settings import Settings

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 10_000_000
app.register_blueprint(blueprint(Settings(models=(Path(__file__).parent / "web_models.py",), cache="memory:")))


@app.get("/")
def home() -> str:
    """A page of one's own."""
    return "send pictures to /v1/images and /v1/models/digit"


if __name__ == "__main__":
    server = make_server("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8000, app, threaded=True)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
