"""Names that go: each still works, and says once a place what is written instead."""

from __future__ import annotations

import warnings

__all__ = ["MOVED", "REMOVE", "SINCE", "_deprecated", "where_now"]

# What is deprecated now: since which version, and in which it will be gone.
SINCE, REMOVE = "0.2", "0.4"

# Names that were at the top of aikit, and where they are: in the module of their topic.
MOVED = {
    name: f"{module}.{name}"
    for module, names in {
        "alpha": "alpha_bbox estimate_foreground is_transparent",
        "batch": "group_by_shape prefetch sizes_of",
        "color": """
            cmyk_to_rgb gray_to_rgb hsl_to_rgb i420_to_rgb lch_to_rgb linear_rgb_to_rgb luv_to_rgb nv12_to_rgb
            oklab_to_rgb oklch_to_rgb rgb_to_cmyk rgb_to_hsl rgb_to_i420 rgb_to_lch rgb_to_linear_rgb rgb_to_luv
            rgb_to_nv12 rgb_to_oklab rgb_to_oklch rgb_to_xyz rgb_to_ycbcr rgb_to_yuv xyz_to_rgb ycbcr_to_rgb yuv_to_rgb
        """,
        "device": "DeviceInfo list_devices set_visible_devices",
        "files": "from_data_url read_frames to_data_url",
        "folders": "Failure Outcome Report",
        "fusion": "fused",
        "memory": """
            MemoryReport ModelPool find_batch_size is_out_of_memory memory_report offload on_device run_in_chunks
            track_memory
        """,
        "psd": "psd_from_folder psd_from_layers",
        "show": "Description Difference show_difference",
        "svg": "sanitize_svg svg_info svg_paths svg_to_pdf",
    }.items()
    for name in names.split()
} | {"edit_svg": "svg.open_svg"}


def _deprecated(name: str, since: str, remove: str, instead: str) -> None:
    """Warn whoever uses an old name, at their own line.

    To be called by the function or the module's `__getattr__` that they reach with it, and by nothing between.

    Args:
        name: what they wrote, "aikit.rgb_to_luv" or "aikit.svg.Svg.tobytes".
        since: the version in which it was deprecated.
        remove: the version in which it will be gone.
        instead: what to write.
    """
    message = f"{name}: deprecated since aikit {since}, gone in {remove}; use {instead}."
    warnings.warn(message, DeprecationWarning, stacklevel=3)


def where_now(name: str) -> str:
    """How a name that moved is written now."""
    module, _, new = MOVED[name].partition(".")
    if new != name:  # it has a new name at the top
        return f"aikit.{new}"
    # aikit.show is the function.
    return f"from aikit.show import {new}" if module == "show" else f"aikit.{module}.{new}"
