# The one list of public names: type checkers read it, and `__init__.py` reads it at run time.

from . import (
    alpha as alpha,
    batch as batch,
    catalog as catalog,
    codec as codec,
    color as color,
    convert as convert,
    device as device,
    draw as draw,
    errors as errors,
    files as files,
    folders as folders,
    fusion as fusion,
    geometry as geometry,
    isolation as isolation,
    limits as limits,
    logs as logs,
    memory as memory,
    mesh as mesh,
    operations as operations,
    paths as paths,
    plugins as plugins,
    preprocess as preprocess,
    profiles as profiles,
    psd as psd,
    recipe as recipe,
    resample as resample,
    sample as sample,
    serve as serve,
    settings as settings,
    svg as svg,
    transforms as transforms,
    types as types,
    ui as ui,
)
from .alpha import (
    color_to_alpha as color_to_alpha,
    composite as composite,
    flatten as flatten,
    has_alpha as has_alpha,
    make_transparent as make_transparent,
    merge_alpha as merge_alpha,
    premultiply as premultiply,
    split_alpha as split_alpha,
    trim as trim,
    unpremultiply as unpremultiply,
)
from .batch import normalize as normalize, read_batch as read_batch, stack as stack, unstack as unstack
from .catalog import open_catalog as open_catalog, picture_hash as picture_hash
from .color import (
    convert_color as convert_color,
    hsv_to_rgb as hsv_to_rgb,
    lab_to_rgb as lab_to_rgb,
    rgb_to_gray as rgb_to_gray,
    rgb_to_hsv as rgb_to_hsv,
    rgb_to_lab as rgb_to_lab,
)
from .convert import to_cv2 as to_cv2, to_numpy as to_numpy, to_pil as to_pil, to_tensor as to_tensor
from .device import pick_device as pick_device
from .draw import (
    draw_boxes as draw_boxes,
    draw_keypoints as draw_keypoints,
    draw_masks as draw_masks,
    draw_text as draw_text,
)
from .errors import (
    AikitError as AikitError,
    AikitWarning as AikitWarning,
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
    read_cv2 as read_cv2,
    read_label_map as read_label_map,
    read_numpy as read_numpy,
    read_pil as read_pil,
    read_tensor as read_tensor,
    write as write,
)
from .folders import convert_folder as convert_folder, map_supervised as map_supervised
from .geometry import (
    crop as crop,
    fit as fit,
    flip as flip,
    pad as pad,
    rot90 as rot90,
    rotate as rotate,
    thumbnail as thumbnail,
    warp_affine as warp_affine,
    warp_perspective as warp_perspective,
)
from .limits import Limits as Limits
from .memory import free_memory as free_memory
from .mesh import new_mesh as new_mesh, open_mesh as open_mesh
from .operations import operation as operation
from .profiles import convert_profile as convert_profile
from .psd import new_psd as new_psd, open_psd as open_psd
from .recipe import Recipe as Recipe
from .resample import blur as blur, resize as resize, sharpen as sharpen, upsample as upsample
from .sample import Sample as Sample
from .show import describe as describe, difference as difference, show as show
from .svg import new_svg as new_svg, open_svg as open_svg, render_svg as render_svg

# isort: split
# Deprecated here: what moved into the module of its topic, which `_deprecated.py` lists too. Not in `__all__`.
from .alpha import (
    alpha_bbox as alpha_bbox,
    estimate_foreground as estimate_foreground,
    is_transparent as is_transparent,
)
from .batch import group_by_shape as group_by_shape, prefetch as prefetch, sizes_of as sizes_of
from .color import (
    cmyk_to_rgb as cmyk_to_rgb,
    gray_to_rgb as gray_to_rgb,
    hsl_to_rgb as hsl_to_rgb,
    i420_to_rgb as i420_to_rgb,
    lch_to_rgb as lch_to_rgb,
    linear_rgb_to_rgb as linear_rgb_to_rgb,
    luv_to_rgb as luv_to_rgb,
    nv12_to_rgb as nv12_to_rgb,
    oklab_to_rgb as oklab_to_rgb,
    oklch_to_rgb as oklch_to_rgb,
    rgb_to_cmyk as rgb_to_cmyk,
    rgb_to_hsl as rgb_to_hsl,
    rgb_to_i420 as rgb_to_i420,
    rgb_to_lch as rgb_to_lch,
    rgb_to_linear_rgb as rgb_to_linear_rgb,
    rgb_to_luv as rgb_to_luv,
    rgb_to_nv12 as rgb_to_nv12,
    rgb_to_oklab as rgb_to_oklab,
    rgb_to_oklch as rgb_to_oklch,
    rgb_to_xyz as rgb_to_xyz,
    rgb_to_ycbcr as rgb_to_ycbcr,
    rgb_to_yuv as rgb_to_yuv,
    xyz_to_rgb as xyz_to_rgb,
    ycbcr_to_rgb as ycbcr_to_rgb,
    yuv_to_rgb as yuv_to_rgb,
)
from .device import DeviceInfo as DeviceInfo, list_devices as list_devices, set_visible_devices as set_visible_devices
from .files import from_data_url as from_data_url, read_frames as read_frames, to_data_url as to_data_url
from .folders import Failure as Failure, Outcome as Outcome, Report as Report
from .fusion import fused as fused
from .memory import (
    MemoryReport as MemoryReport,
    ModelPool as ModelPool,
    find_batch_size as find_batch_size,
    is_out_of_memory as is_out_of_memory,
    memory_report as memory_report,
    offload as offload,
    on_device as on_device,
    run_in_chunks as run_in_chunks,
    track_memory as track_memory,
)
from .psd import psd_from_folder as psd_from_folder, psd_from_layers as psd_from_layers
from .show import Description as Description, Difference as Difference, show_difference as show_difference
from .svg import (
    edit_svg as edit_svg,
    sanitize_svg as sanitize_svg,
    svg_info as svg_info,
    svg_paths as svg_paths,
    svg_to_pdf as svg_to_pdf,
)

__version__: str
