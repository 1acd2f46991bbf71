# The one list of public names: type checkers read it, and `__init__.py` reads it at run time.

from . import errors as errors, limits as limits
from .alpha import (
    alpha_bbox as alpha_bbox,
    color_to_alpha as color_to_alpha,
    composite as composite,
    estimate_foreground as estimate_foreground,
    flatten as flatten,
    has_alpha as has_alpha,
    is_transparent as is_transparent,
    make_transparent as make_transparent,
    merge_alpha as merge_alpha,
    premultiply as premultiply,
    split_alpha as split_alpha,
    trim as trim,
    unpremultiply as unpremultiply,
)
from .convert import (
    to_cv2 as to_cv2,
    to_numpy as to_numpy,
    to_pil as to_pil,
    to_tensor as to_tensor,
)
from .errors import (
    AikitError as AikitError,
    DeviceError as DeviceError,
    FileAccessError as FileAccessError,
    FileFormatError as FileFormatError,
    InputTypeError as InputTypeError,
    InputValueError as InputValueError,
    LimitError as LimitError,
    MissingDependencyError as MissingDependencyError,
    WorkerError as WorkerError,
)
from .files import (
    encode as encode,
    from_data_url as from_data_url,
    read_cv2 as read_cv2,
    read_frames as read_frames,
    read_numpy as read_numpy,
    read_pil as read_pil,
    read_tensor as read_tensor,
    to_data_url as to_data_url,
    write as write,
)
from .limits import Limits as Limits
from .show import show as show

__version__: str
