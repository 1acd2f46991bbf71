"""aikit: the one import for image data in AI code.

Every name is loaded when it is first used; `__init__.pyi` is the one list of them.
"""

import logging

import lazy_loader

__version__ = "0.1.0"

# Without a handler Python would print our warnings on the error stream.
logging.getLogger("aikit").addHandler(logging.NullHandler())

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
