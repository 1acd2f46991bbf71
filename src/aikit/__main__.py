"""`python -m aikit` is the command `aikit`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
