"""aikit: the one import for image data in AI code.

Every name is loaded when it is first used; `__init__.pyi` is the one list of them.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
