"""Pictures of meshes: closed forms, and independent formulas in NumPy."""

import math
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

import aikit
from aikit.errors import InputTypeError, InputValueError, LimitError
from aikit.limits import Limits
from aikit.mesh import (
    Camera,
    Light,
    Picture,
    Primitive,
    Sampler,
    Scene,
    Surface,
    TextureUse,
    drawing,
    lighting,
    render_scene,
    render_views,
    threads,
)
from aikit.mesh.camera import make_view
from aikit.mesh.clipping import Parts, clip
from aikit.mesh.raster import covered_samples, set_up

CORNERS = np.array([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)], np.float32)
FACES = np.array([(0, 1, 2), (0, 2, 3)])
# v runs downwards: the lower left corner is (0, 1).
UVS = np.array([(0, 1), (1, 1), (1, 0), (0, 0)], np.float32)
HEAD_ON = {"yaw": 0, "pitch": 0}


def square(color=(1.0, 1.0, 1.0, 1.0), z=0.0, unlit=True, **how):
    more = {name: how.pop(name) for name in ("normals", "tangents", "colors") if name in how}
    corners = CORNERS + np.array([0, 0, z], np.float32)
    return Primitive(corners, FACES, uvs=(UVS,), surface=Surface(base_color=color, unlit=unlit, **how), **more)


def flat_view(size=2.0, eye=(0, 0, 5)):
    """A parallel projection along negative z."""
    matrix = np.eye(4)
    matrix[:3, 3] = eye
    return Camera(matrix, fov=None, height=size)


def light_of(codes):
    """The curve of IEC 61966-2-1, once more."""
    codes = np.asarray(codes, np.float64)
    return np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)


def random_picture(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels)).astype(np.uint8)


def textured(picture, **how):
    sampler = how.pop("sampler", Sampler())
    use = TextureUse(
        Picture(lambda: picture), sampler, **{k: how.pop(k) for k in ("offset", "rotation", "scale") if k in how}
    )
    return square(base_color_map=use, **how)


# ---------------------------------------------------------------- order and alpha


@pytest.mark.parametrize("order", [1, -1], ids=["near first", "far first"])
def test_see_through_faces_blend_in_their_order(order):
    faces = [square((1, 0, 0, 0.5), 0.1, alpha_mode="BLEND"), square((0, 0, 1, 0.25), alpha_mode="BLEND")]
    picture = render_scene(Scene(tuple(faces[::order])), height=16, width=16, kind="tensor", **HEAD_ON)
    red, green, blue, alpha = picture[:, 8, 8].tolist()
    assert alpha == pytest.approx(0.625, abs=1e-6)
    assert light_of(red) == pytest.approx(0.8, abs=1e-5)  # 0.5 / 0.625
    assert light_of(blue) == pytest.approx(0.2, abs=1e-5)
    assert green == 0


def test_order_is_that_of_each_pixel_and_not_of_faces():
    # Two squares that go through each other: no order of faces is right.
    tilted = CORNERS.copy()
    tilted[:, 2] = tilted[:, 0]
    red = Surface(base_color=(1, 0, 0, 0.5), unlit=True, alpha_mode="BLEND")
    blue = replace(red, base_color=(0, 0, 1, 0.5))
    scene = Scene((Primitive(tilted, FACES, surface=red), Primitive(CORNERS, FACES, surface=blue)))
    row = render_scene(scene, height=32, width=32, kind="tensor", samples=1, camera=flat_view())[:, 16]
    share = light_of(row[0]) * row[3].numpy()
    assert share[:16] == pytest.approx(0.25, abs=1e-5)  # red behind blue
    assert share[16:] == pytest.approx(0.5, abs=1e-5)


def test_many_layers_blend_as_one_by_one():
    rng = np.random.default_rng(1)
    colors = rng.random((9, 4))
    faces = [square(tuple(color), z / 10, alpha_mode="BLEND") for z, color in enumerate(colors)]
    order = rng.permutation(9)
    scene = Scene(tuple(faces[at] for at in order))
    picture = render_scene(scene, height=8, width=8, kind="tensor", camera=flat_view())[:, 4, 4].numpy()
    color, alpha = np.zeros(3), 0.0
    for *front, mine in colors:  # from the farthest
        color, alpha = np.array(front) * mine + color * (1 - mine), mine + alpha * (1 - mine)
    assert picture[3] == pytest.approx(alpha, abs=1e-5)
    assert light_of(picture[:3]) == pytest.approx(color / alpha, abs=1e-5)


def test_what_is_opaque_hides_what_lies_behind_and_shows_through_what_lies_before():
    faces = (
        square((0, 1, 0, 0.5), -0.2, alpha_mode="BLEND"),
        square((1, 0, 0, 0.3)),
        square((0, 0, 1, 0.25), 0.2, alpha_mode="BLEND"),
    )
    red, green, blue, alpha = render_scene(Scene(faces), height=8, width=8, kind="tensor", **HEAD_ON)[:, 4, 4].tolist()
    assert (green, alpha) == (0, pytest.approx(1))
    assert light_of([red, blue]) == pytest.approx([0.75, 0.25], abs=1e-5)


@pytest.mark.parametrize(
    ("mode", "cutoff", "expected"),
    [
        ("OPAQUE", 0.5, [255] * 4),
        ("MASK", 0.5, [0, 0, 255, 255]),
        ("MASK", 0.2, [0, 255, 255, 255]),
        ("MASK", 1.1, [0] * 4),
        ("BLEND", 0.5, [0, 64, 128, 255]),
    ],
)
def test_alpha_modes(mode, cutoff, expected):
    texels = np.full((1, 4, 4), 200, np.uint8)
    texels[0, :, 3] = [0, 64, 128, 255]
    sampler = Sampler("clamp", "clamp", "nearest", "nearest", None)
    face = textured(texels, alpha_mode=mode, alpha_cutoff=cutoff, sampler=sampler)
    picture = render_scene(Scene((face,)), height=4, width=4, kind="numpy", camera=flat_view())
    assert picture[2, :, 3].tolist() == expected
    assert (picture[picture[..., 3] > 0][:, :3] == 200).all()


def test_colors_under_alpha_0_do_not_shine_through_at_the_edge():
    texels = np.zeros((1, 2, 4), np.uint8)
    texels[0] = (255, 0, 0, 0), (0, 0, 255, 255)
    face = textured(texels, alpha_mode="BLEND", sampler=Sampler("clamp", "clamp", mipmap=None))
    picture = render_scene(Scene((face,)), height=8, width=8, kind="numpy", camera=flat_view())
    seen = picture[4][picture[4, :, 3] > 0]
    assert len(seen) >= 5
    assert (seen[:, :3] == (0, 0, 255)).all()


# ---------------------------------------------------------------- where things are


def test_corners_of_a_square_are_where_perspective_puts_them():
    # From 5 m with 40 degrees a corner at (1, 1) is at 1 / (5 tan 20) of half the height.
    matrix = np.eye(4)
    matrix[2, 3] = 5
    mask = render_scene(
        Scene((square(),)), height=200, width=300, camera=Camera(matrix, fov=40), output="mask", kind="numpy"
    )
    reach = 100 / (5 * math.tan(math.radians(20)))
    # Partly covered pixels count by their samples, 2 in each direction: rounded to half a pixel.
    assert (mask > 0).any(0).nonzero()[0][[0, -1]] == pytest.approx([150 - reach, 149 + reach], abs=1)
    assert mask.sum() / 255 == pytest.approx((2 * reach) ** 2, abs=4 * 2 * reach / 2)
    assert mask[100, 150] == 255
    assert mask[0, 0] == 0


def test_yaw_turns_to_the_right_and_pitch_goes_up():
    # Three faces of a cube, on positive x, y and z, in red, green and blue; their backs are not drawn.
    faces = []
    for axis in range(3):
        corners = np.roll(CORNERS, axis - 2, 1)
        corners[:, axis] = 1
        color = tuple(float(each == axis) for each in range(3))
        faces.append(Primitive(corners, FACES, surface=Surface(base_color=(*color, 1.0), unlit=True)))
    for how, channel in (({"yaw": 0, "pitch": 0}, 2), ({"yaw": 90, "pitch": 0}, 0), ({"yaw": 0, "pitch": 89}, 1)):
        center = render_scene(Scene(tuple(faces)), height=9, width=9, kind="numpy", **how)[4, 4]
        assert center.tolist() == [255 * (at == channel) for at in range(3)] + [255]
    # From between the two, the front is on the left and the right side on the right: nothing is mirrored.
    row = render_scene(Scene(tuple(faces)), height=9, width=9, kind="numpy", yaw=45, pitch=0)[4]
    assert (row[2, :3].tolist(), row[6, :3].tolist()) == ([0, 0, 255], [255, 0, 0])


@pytest.mark.parametrize(("height", "width"), [(40, 90), (90, 40)])
@pytest.mark.parametrize("yaw", [0, 35, 200])
def test_all_of_the_mesh_is_in_the_picture_and_fills_it(height, width, yaw):
    points = np.random.default_rng(2).normal(size=(30, 3)).astype(np.float32) * [3, 1, 2] + [10, -4, 7]
    faces = np.arange(30).reshape(10, 3)
    cloud = Primitive(points.astype(np.float32), faces, surface=Surface(double_sided=True, unlit=True))
    mask = render_scene(Scene((cloud,)), height=height, width=width, yaw=yaw, output="mask", kind="numpy", samples=4)
    edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    assert not edge.any()
    rows, columns = mask.any(1).sum() / height, mask.any(0).sum() / width
    assert max(rows, columns) > 0.6


def tilted_plane(size=1.0):
    """A plane through the origin with its normal, and what a ray hits of it."""
    normal = np.array([0.3, 0.5, 0.8])
    normal /= np.linalg.norm(normal)
    across = np.cross([0, 1, 0], normal)
    across /= np.linalg.norm(across)
    up = np.cross(normal, across)
    points = CORNERS[:, :1] * across * size + CORNERS[:, 1:2] * up * size
    return points.astype(np.float32), normal, across, up


def rays(height, width, fov):
    y, x = np.mgrid[:height, :width] + 0.5
    scale = math.tan(math.radians(fov) / 2) / (height / 2)
    return np.stack([(x - width / 2) * scale, (height / 2 - y) * scale, -np.ones_like(x)], -1)


@pytest.mark.parametrize("size", [1.0, 500.0], ids=["in front", "clipped at the near plane"])
def test_depth_normals_and_uv_of_a_plane(size):
    points, normal, across, up = tilted_plane(size)
    scene = Scene((Primitive(points, FACES, uvs=(UVS,), surface=Surface(double_sided=True)),))
    matrix = np.eye(4)
    matrix[:3, 3] = eye = np.array([0.1, 0.2, 3.0])
    camera, shape = Camera(matrix, fov=50, near=0.01), {"height": 37, "width": 51}
    depth, normals, uv = (
        render_scene(scene, camera=camera, output=output, **shape) for output in ("depth", "normals", "uv")
    )
    directions = rays(37, 51, 50)
    expected = -(eye @ normal) / (directions @ normal)  # rays have a depth of 1
    hit = eye + directions * expected[..., None]
    expected_uv = np.stack([0.5 + hit @ across / size / 2, 0.5 - hit @ up / size / 2], -1)
    inside = (expected > 0.01) & (np.abs(expected_uv - 0.5) < 0.499).all(-1)
    seen = np.isfinite(depth)
    assert inside.sum() > 300
    assert (seen & inside).sum() == inside.sum()
    # Corners lie within 1/512 of a sample of where they should, of 25 samples across the plane; clipped ones are float32.
    assert np.allclose(depth[inside], expected[inside], rtol=2e-4)
    assert np.abs(uv[inside] - expected_uv[inside]).max() < (1e-4 if size == 1 else 2e-4)
    assert np.allclose(normals[inside], normal, atol=1e-5)
    outside = ~seen
    if outside.any():
        assert np.isnan(uv[outside]).all()
        assert (normals[outside] == 0).all()


def test_normals_of_the_back_point_to_the_viewer():
    turned = Primitive(CORNERS, FACES[:, ::-1], surface=Surface(double_sided=True))
    normals = render_scene(Scene((turned,)), height=5, width=5, output="normals", **HEAD_ON)
    assert normals[2, 2].tolist() == [0, 0, 1]


@pytest.mark.parametrize(("double_sided", "turned", "seen"), [(False, False, 255), (False, True, 0), (True, True, 255)])
def test_the_back_is_drawn_only_where_both_sides_are(double_sided, turned, seen):
    face = Primitive(CORNERS, FACES[:, ::-1] if turned else FACES, surface=Surface(double_sided=double_sided))
    assert render_scene(Scene((face,)), height=5, width=5, output="mask", kind="numpy", **HEAD_ON)[2, 2] == seen


@pytest.mark.parametrize("edges", ["anywhere", "through the centers of samples"])
def test_each_sample_of_a_net_belongs_to_one_triangle(edges):
    # A grid over the whole picture of 64 samples: a shared edge must neither leave a hole nor count twice.
    rng = np.random.default_rng(3)
    side = 18
    y, x = (np.mgrid[:side, :side] * 4 - 1.5) / 32 - 1
    if edges == "anywhere":
        inner = np.zeros((side, side), bool)
        inner[1:-1, 1:-1] = True
        x, y = (np.where(inner, each + rng.uniform(-0.04, 0.04, each.shape), each) for each in (x, y))
    points = torch.tensor(np.stack([x, y, x * 0], 0).reshape(3, -1), dtype=torch.float32)
    first = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).reshape(-1)
    quads = np.stack([first, first + 1, first + side + 1, first + side])
    corners = torch.tensor(np.concatenate([quads[[0, 1, 2]], quads[[0, 2, 3]]], 1))
    view = make_view(flat_view(), 64, 64, points)
    triangles = set_up(
        view, view.place(points), corners, torch.zeros(corners.shape[1], dtype=torch.bool), dtype=torch.float32
    )
    counts = torch.zeros(64, 64, dtype=torch.long)
    for covered in covered_samples(view, triangles, torch.arange(len(triangles)), (0, 64), 1000):
        counts.index_put_((covered.row, covered.column), torch.tensor(1), accumulate=True)
    assert (counts == 1).all()


def test_coverage_is_that_of_half_planes():
    rng = np.random.default_rng(4)
    for _ in range(20):
        points = rng.uniform(-1.3, 1.3, (3, 2))
        # On the grid of 1/256 samples, so that both decide about the same triangle.
        points = np.round(points * 16 * 256) / 16 / 256
        corners = np.concatenate([points, np.zeros((3, 1))], 1).astype(np.float32)
        face = Primitive(corners, np.array([(0, 1, 2)]), surface=Surface(double_sided=True, unlit=True))
        mask = render_scene(
            Scene((face,)), height=32, width=32, samples=1, output="mask", kind="numpy", camera=flat_view()
        )
        y, x = np.mgrid[:32, :32] + 0.5
        at = np.stack([x / 16 - 1, 1 - y / 16], -1)
        steps = [points[(k + 1) % 3] - points[k] for k in range(3)]
        edges = [
            step[0] * (at - points[k])[..., 1] - step[1] * (at - points[k])[..., 0] for k, step in enumerate(steps)
        ]
        inside = np.all([edge > 0 for edge in edges], 0) | np.all([edge < 0 for edge in edges], 0)
        on_edge = np.any([np.abs(edge) < 1e-9 for edge in edges], 0)
        assert ((mask > 0) == inside)[~on_edge].all()


def test_clipping_keeps_the_area_before_the_plane():
    rng = np.random.default_rng(5)
    corners = torch.tensor(rng.uniform(-1, 1, (2, 3, 40)))
    parts = Parts(torch.arange(40), torch.eye(3, dtype=torch.float64)[:, :, None].expand(-1, -1, 40))
    kept = clip(parts, corners[0])
    mine = torch.einsum("kct,act->akt", kept.weights, corners[:, :, kept.source])
    assert mine[0].min() >= -1e-12
    (x, y), areas = mine, torch.zeros(40, dtype=torch.float64)
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    areas.index_add_(0, kept.source, area)
    # The share of points of a triangle that lie before the plane, by counting.
    weights = torch.tensor(rng.dirichlet([1, 1, 1], 200_000))
    (x, y) = corners
    full = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    share = ((weights @ x) >= 0).double().mean(0)
    assert torch.allclose(areas / full, share, atol=0.005)
    assert kept.source.tolist() == sorted(kept.source.tolist())


# ---------------------------------------------------------------- textures


def one_to_one(picture, **how):
    """A square whose texels are the pixels of the picture of it."""
    height, width = picture.shape[:2]
    corners = CORNERS * np.array([width / height, 1, 1], np.float32)
    face = replace(textured(picture, **how), positions=corners)
    return render_scene(Scene((face,)), height=height, width=width, samples=1, kind="numpy", camera=flat_view())


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_texture_shown_pixel_by_pixel_is_itself(channels, dtype):
    picture = random_picture(7, 12, channels).astype(dtype)
    if channels in (2, 4):
        picture[..., -1] = np.maximum(picture[..., -1], 30)
    if dtype == np.uint16:
        picture = picture * np.uint16(257)
    shown = one_to_one(picture, alpha_mode="BLEND")
    codes = (picture // 257 if dtype == np.uint16 else picture).astype(np.uint8)
    color = codes[..., :3] if channels > 2 else codes[..., :1].repeat(3, 2)
    alpha = codes[..., -1] if channels in (2, 4) else np.full((7, 12), 255)
    assert np.abs(shown[..., :3].astype(int) - color).max() <= 1  # float32 there and back
    assert (shown[..., 3] == alpha).all()


@pytest.mark.parametrize("kind", ["float array", "float tensor"])
def test_a_texture_of_floats_is_itself(kind):
    picture = random_picture(5, 6)
    values = picture.astype(np.float32) / 255
    values = torch.from_numpy(values).permute(2, 0, 1) if kind == "float tensor" else values
    corners = CORNERS * np.array([6 / 5, 1, 1], np.float32)
    face = replace(textured(values), positions=corners)
    shown = render_scene(Scene((face,)), height=5, width=6, samples=1, kind="numpy", camera=flat_view())
    assert np.abs(shown[..., :3].astype(int) - picture).max() <= 1


@pytest.mark.parametrize("wrap", ["repeat", "mirror", "clamp"])
@pytest.mark.parametrize("how", ["nearest", "linear"])
def test_wrapping_and_filters_are_those_of_the_formula(wrap, how):
    picture = random_picture(4, 3, seed=6)
    uvs = (UVS * 3 - 1.1).astype(np.float32)
    sampler = Sampler(wrap, wrap, how, how, None)
    face = replace(textured(picture, sampler=sampler), uvs=(uvs,))
    shown = render_scene(Scene((face,)), height=21, width=21, samples=1, kind="tensor", camera=flat_view())
    y, x = np.mgrid[:21, :21] + 0.5

    def index(at, size):
        at = at.astype(int)
        if wrap == "clamp":
            return np.clip(at, 0, size - 1)
        if wrap == "repeat":
            return at % size
        at = at % (2 * size)
        return np.where(at < size, at, 2 * size - 1 - at)

    light = light_of(picture / 255)
    u, v = (x / 21 * 3 - 1.1) * 3, (y / 21 * 3 - 1.1) * 4
    if how == "nearest":
        expected = light[index(np.floor(v), 4), index(np.floor(u), 3)]
    else:
        left, top = np.floor(u - 0.5), np.floor(v - 0.5)
        p, q = (u - 0.5 - left)[..., None], (v - 0.5 - top)[..., None]
        rows = [
            light[index(top + k, 4), index(left, 3)] * (1 - p) + light[index(top + k, 4), index(left + 1, 3)] * p
            for k in (0, 1)
        ]
        expected = rows[0] * (1 - q) + rows[1] * q
    assert np.abs(light_of(shown[:3].permute(1, 2, 0)) - expected).max() < 1e-4


@pytest.mark.parametrize("mipmap", ["linear", "nearest"])
def test_far_texels_are_the_mean_of_their_light(mipmap):
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    face = textured(board, sampler=Sampler(mipmap=mipmap))
    shown = render_scene(Scene((face,)), height=4, width=4, kind="numpy", camera=flat_view())
    assert np.abs(shown[..., 0].astype(int) - 188).max() <= 1  # half the light


def test_levels_follow_from_the_size_of_texels():
    # Each level has a color of its own, so that what is shown tells which were read: 8 texels, 2 to a sample.
    from aikit.mesh import texels

    levels = [torch.full((3, size, size), size / 8) for size in (8, 4, 2, 1)]
    sizes = [(8, 8), (4, 4), (2, 2), (1, 1)]
    numbers = torch.tensor([8, 4, 2, 1])
    texture = texels.Texture(
        torch.cat([each.flatten(1) for each in levels], 1),
        tuple(sizes),
        torch.tensor([0, 64, 80, 84]),
        numbers,
        numbers,
    )
    use = TextureUse(Picture(lambda: np.zeros((8, 8))), Sampler())
    uv = torch.full((2, 4), 0.4)
    # A sample is 1, 2, 3 and 100 texels wide; in the third log2(3) = 1.585 lies between levels 1 and 2.
    wide = torch.tensor([1.0, 2.0, 3.0, 100.0]) / 8
    changes = torch.stack([torch.stack([wide, wide * 0]), torch.stack([wide * 0, wide / 3])])
    shown = texels.read_texture(texture, use, uv, changes)[0].tolist()
    assert shown == pytest.approx([1, 0.5, 0.5 + (0.25 - 0.5) * (math.log2(3) - 1), 1 / 8], abs=1e-6)


def test_texture_transforms_move_coordinates():
    picture = random_picture(6, 5, seed=7)
    offset, rotation, scale = (0.2, -0.4), 0.7, (1.5, 0.8)
    moved = textured(picture, offset=offset, rotation=rotation, scale=scale)
    # KHR_texture_transform: offset * rotation * scale, counter-clockwise where v runs down.
    cos, sin = math.cos(rotation), math.sin(rotation)
    uv = UVS * scale
    uv = np.stack([cos * uv[:, 0] + sin * uv[:, 1] + offset[0], cos * uv[:, 1] - sin * uv[:, 0] + offset[1]], 1)
    by_hand = replace(textured(picture), uvs=(uv.astype(np.float32),))
    shown, expected = (
        render_scene(Scene((face,)), height=24, width=24, kind="tensor", camera=flat_view())
        for face in (moved, by_hand)
    )
    assert (shown - expected).abs().max() < 1e-4
    assert shown[:3].std() > 0.05


def test_each_texture_reads_its_own_set_of_coordinates():
    picture = random_picture(4, 4, seed=8)
    face = textured(picture)
    use = replace(face.surface.base_color_map, uv_set=1)
    mirrored = np.stack([1 - UVS[:, 0], UVS[:, 1]], 1)
    other = replace(face, uvs=(UVS, mirrored), surface=replace(face.surface, base_color_map=use))
    shown, plain = (
        render_scene(Scene((each,)), height=16, width=16, kind="numpy", camera=flat_view()) for each in (other, face)
    )
    assert np.abs(shown[:, ::-1].astype(int) - plain).max() <= 1
    assert not np.array_equal(shown, plain)


def test_vertex_colors_are_light_between_their_corners():
    colors = np.array([(1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 1), (0.5, 0.5, 0.5, 1)], np.float32)
    scene = Scene((square((0.8, 0.6, 1, 1), colors=colors),))
    shown = render_scene(scene, height=16, width=16, samples=1, kind="tensor", camera=flat_view())
    y, x = np.mgrid[:16, :16] + 0.5
    u, v = x / 16, 1 - y / 16  # v upwards here
    lower = v < u  # the first triangle
    expected = np.where(
        lower[..., None],
        (1 - u)[..., None] * colors[0] + (u - v)[..., None] * colors[1] + v[..., None] * colors[2],
        (1 - v)[..., None] * colors[0] + (v - u)[..., None] * colors[3] + u[..., None] * colors[2],
    )[..., :3] * (0.8, 0.6, 1)
    assert np.abs(light_of(shown[:3].permute(1, 2, 0)) - expected).max() < 1e-4


# ---------------------------------------------------------------- light


def shown_at(n=200, seed=9, **fixed):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(2, 3, n))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    normal, eye = vectors
    eye = np.where((normal * eye).sum(0) < 0, -eye, eye)
    fields = {
        "color": rng.random((3, n)),
        "metallic": rng.random(n),
        "roughness": rng.uniform(0.4, 1, n),
        "position": rng.normal(size=(3, n)),
        "normal": normal,
        "to_eye": eye,
    } | fixed
    return lighting.Shown(occlusion=None, **{name: torch.tensor(value) for name, value in fields.items()}), fields


DARK = lighting.Surroundings(0.0, 0.0)


@pytest.mark.parametrize(
    "light",
    [
        Light(color=(1, 0.5, 0.2), intensity=2.5, direction=(0.6, 0, -0.8)),
        Light("point", intensity=4, position=(0.5, 3, 0.2)),
        Light("point", intensity=4, position=(0.5, 3, 0.2), range=4.0),
        Light("spot", intensity=9, position=(0, 0, 4), direction=(0, 0, -1), inner_angle=0.2, outer_angle=0.6),
    ],
    ids=["directional", "point", "range", "spot"],
)
def test_lamps_shine_by_appendix_b(light):
    shown, at = shown_at()
    result = lighting.answer(shown, DARK, [light]).numpy()
    # Once more after the text of the specification, one vector at a time.
    for k in range(shown.color.shape[1]):
        color, n, v, p = (at[name][:, k] for name in ("color", "normal", "to_eye", "position"))
        metallic, alpha = at["metallic"][k], at["roughness"][k] ** 2
        if light.kind == "directional":
            towards, arrives = -np.array(light.direction), light.intensity
        else:
            apart = np.array(light.position) - p
            far = np.linalg.norm(apart)
            towards, arrives = apart / far, light.intensity / far**2
            if light.range is not None:
                arrives *= max(min(1 - (far / light.range) ** 4, 1), 0)
            if light.kind == "spot":
                scale = 1 / max(0.001, math.cos(light.inner_angle) - math.cos(light.outer_angle))
                arrives *= (
                    min(max((np.dot(light.direction, -towards)) * scale - math.cos(light.outer_angle) * scale, 0), 1)
                    ** 2
                )
        h = (towards + v) / np.linalg.norm(towards + v)
        nl, nv, nh, vh = np.dot(n, towards), np.dot(n, v), np.dot(n, h), np.dot(v, h)
        if nl <= 0:
            assert (result[:, k] == 0).all()
            continue
        d = alpha**2 / (math.pi * (nh**2 * (alpha**2 - 1) + 1) ** 2) if nh > 0 else 0
        vis = (
            1
            / (nl + math.sqrt(alpha**2 + (1 - alpha**2) * nl**2))
            / (nv + math.sqrt(alpha**2 + (1 - alpha**2) * nv**2))
        )
        f0 = 0.04 * (1 - metallic) + color * metallic
        fresnel = f0 + (1 - f0) * (1 - abs(vh)) ** 5
        brdf = (1 - fresnel) * color * (1 - metallic) / math.pi + fresnel * d * vis
        assert result[:, k] == pytest.approx(brdf * nl * arrives * np.array(light.color), rel=1e-6, abs=1e-9)


def test_a_white_dull_surface_before_a_light_of_pi_is_white():
    face = {"normal": np.array([[0.0], [0], [1]]), "to_eye": np.array([[0.0], [0], [1]])}
    shown, _ = shown_at(1, **face, color=np.ones((3, 1)), metallic=np.zeros(1), roughness=np.ones(1))
    result = lighting.answer(shown, DARK, [Light(intensity=math.pi)])
    # 0.96 of it dull, and of GGX with roughness 1 at right angles 0.04 / 4.
    assert result.flatten().tolist() == pytest.approx([0.97] * 3, abs=1e-6)


@pytest.mark.parametrize("metallic", [0.0, 0.3, 1.0])
def test_in_a_white_room_white_stays_white(metallic):
    shown, _ = shown_at(200, color=np.ones((3, 200)), metallic=np.full(200, metallic))
    result = lighting.answer(shown, lighting.Surroundings(1.0, 1.0), [])
    assert result.flatten().tolist() == pytest.approx([1.0] * 600, abs=1e-6)


def test_metal_mirrors_what_is_around_and_nothing_is_black():
    ball = sphere()
    for surface in (Surface(metallic=1.0, roughness=0.05), Surface(metallic=1.0, roughness=1.0), Surface(metallic=0.0)):
        picture = render_scene(Scene((replace(ball, surface=surface),)), height=48, width=48, kind="numpy")
        seen = picture[picture[..., 3] == 255][:, :3].mean(1)
        assert seen.min() > 40
        assert seen.max() > 200
        assert seen.max() - seen.min() > 40


def test_light_above_1_is_pressed_below_it_and_the_rest_stays():
    values = torch.tensor([[0.2, 0.5, 0.7, 2.0, 50.0], [0.2, 0.3, 0.1, 1.0, 1.0], [0.2, 0.1, 0.08, 0.2, 1.0]])
    pressed = lighting.compress(values)
    assert torch.allclose(pressed[:, :3], values[:, :3] - 0.04, atol=1e-6)  # the toe takes off what dielectrics add
    assert (pressed[:, 3:] < 1).all()
    assert (pressed[0, 3:] > pressed[1, 3:]).all()
    ramp = lighting.compress(torch.linspace(0, 4, 4001).expand(3, -1))[0]
    assert (ramp.diff() > 0).all()
    assert ramp.diff().max() < 0.002


def sphere(rows=24, around=48):
    phi, theta = np.meshgrid(np.linspace(0, math.pi, rows), np.linspace(0, 2 * math.pi, around), indexing="ij")
    points = np.stack([np.sin(phi) * np.sin(theta), np.cos(phi), np.sin(phi) * np.cos(theta)], -1).reshape(-1, 3)
    first = (np.arange(rows - 1)[:, None] * around + np.arange(around - 1)).reshape(-1)
    faces = np.concatenate(
        [np.stack([first, first + around, first + 1], 1), np.stack([first + 1, first + around, first + around + 1], 1)]
    )
    uvs = np.stack([theta / (2 * math.pi), phi / math.pi], -1).reshape(-1, 2)
    points = points.astype(np.float32)
    return Primitive(points, faces, normals=points, uvs=(uvs.astype(np.float32),))


def test_normals_between_corners_are_smooth_and_without_them_faces_are_flat():
    ball = sphere()
    how = {"height": 40, "width": 40, "output": "normals", **HEAD_ON}
    smooth, flat = (render_scene(Scene((each,)), **how) for each in (ball, replace(ball, normals=None)))
    seen = (smooth != 0).any(-1)
    assert np.allclose(np.linalg.norm(smooth[seen], axis=-1), 1, atol=1e-5)
    angle = np.degrees(np.arccos(np.clip((smooth * flat).sum(-1)[seen], -1, 1)))
    assert 0.5 < angle.max() < 8  # half a face of 7.5 degrees
    assert len(np.unique(flat[seen].round(4), axis=0)) < len(np.unique(smooth[seen].round(4), axis=0)) / 2


@pytest.mark.parametrize("stored", [True, False], ids=["tangents of the file", "tangents of the coordinates"])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_normal_map_tilts_normals_to_its_right_and_up(stored, mirrored):
    texels = np.full((2, 2, 3), (128 + 60, 128 + 30, 230), np.uint8)
    uvs = UVS * np.array([-1 if mirrored else 1, 1], np.float32)
    sign = -1.0 if mirrored else 1.0
    tangents = np.tile(np.array([sign, 0, 0, sign], np.float32), (4, 1)) if stored else None
    surface = Surface(normal_map=TextureUse(Picture(lambda: texels)), normal_scale=0.5)
    face = Primitive(CORNERS, FACES, uvs=(uvs,), tangents=tangents, surface=surface)
    normal = render_scene(Scene((face,)), height=5, width=5, output="normals", **HEAD_ON)[2, 2]
    bump = np.array([188, 158, 230]) / 255 * 2 - 1
    bump[:2] *= 0.5
    expected = bump / np.linalg.norm(bump) * [sign, 1, 1]
    assert normal == pytest.approx(expected, abs=1e-5)


def test_maps_multiply_their_factors():
    white = Surface(metallic=1.0, roughness=1.0)
    texels = np.zeros((2, 2, 3), np.uint8)
    texels[:] = (77, 128, 51)  # occlusion in red, roughness in green, metallic in blue
    use = TextureUse(Picture(lambda: texels))
    by_map = replace(white, metallic_roughness_map=use)
    by_factor = Surface(metallic=51 / 255, roughness=128 / 255)
    ball = sphere(12, 24)

    def draw(surface):
        return render_scene(Scene((replace(ball, surface=surface),)), height=32, width=32, kind="tensor")

    assert (draw(by_map) - draw(by_factor)).abs().max() < 1e-4
    assert (draw(by_map) - draw(white)).abs().max() > 0.03
    darker = draw(replace(white, occlusion_map=use, occlusion_strength=0.5))
    assert darker[0, 16, 16] < draw(white)[0, 16, 16] - 0.02
    lit = Surface(base_color=(0, 0, 0, 1), metallic=0.0, emissive=(0.5, 0.25, 2.0))
    glow = draw(lit)[:3, 16, 16]
    assert glow[2] > glow[0] > glow[1] > 0.3
    by_texture = draw(replace(lit, emissive_map=TextureUse(Picture(lambda: np.zeros((1, 1, 3), np.uint8)))))
    assert by_texture[:3, 16, 16].max() < 0.35


def test_lights_of_the_file_are_used_where_asked_for():
    lamp = Light(color=(1, 0, 0), intensity=3, direction=(0, 0, -1))
    scene = Scene((square(unlit=False, metallic=0.0),), lights=(lamp,))
    how = {"height": 8, "width": 8, "kind": "tensor", **HEAD_ON}
    studio, file, own = (render_scene(scene, lights=each, **how)[:, 4, 4] for each in ("studio", "scene", [lamp]))
    assert torch.equal(file, own)
    assert file[0] > 2 * file[1]
    assert abs(studio[0] - studio[1]) < 1e-5


# ---------------------------------------------------------------- derivatives


def lit_scene(colors, factor, texels, positions):
    use = TextureUse(Picture(lambda: texels), Sampler(mipmap=None))
    surface = Surface(base_color=factor, metallic=0.3, roughness=0.6, base_color_map=use)
    return Scene((Primitive(positions, FACES, uvs=(UVS,), colors=colors, surface=surface),))


def test_gradients_of_colors_factors_and_texels_are_those_of_differences():
    rng = np.random.default_rng(10)
    colors = torch.tensor(rng.uniform(0.3, 0.8, (4, 3)), requires_grad=True)
    factor = torch.tensor([0.7, 0.5, 0.6, 1.0], dtype=torch.float64, requires_grad=True)
    texels = torch.tensor(rng.uniform(0.3, 0.8, (3, 3, 2)), requires_grad=True)
    positions = torch.tensor(CORNERS, dtype=torch.float64)

    def draw(colors, factor, texels):
        return render_scene(
            lit_scene(colors, factor, texels, positions), height=6, width=5, kind="tensor", samples=1, yaw=20, pitch=10
        )[:3]

    assert torch.autograd.gradcheck(draw, (colors, factor, texels))


def test_gradients_of_positions_are_those_of_what_is_interpolated():
    rng = np.random.default_rng(11)
    colors = torch.tensor(rng.uniform(0, 1, (4, 3)))
    # Reaching far beyond the picture, so that no edge moves over a sample.
    positions = torch.tensor(CORNERS * 2 + rng.uniform(-0.2, 0.2, (4, 3)), requires_grad=True)

    def draw(positions):
        surface = Surface(unlit=True)
        scene = Scene((Primitive(positions, FACES[:1], colors=colors, surface=surface),))
        camera = Camera(np.eye(4) + np.array([[0] * 3 + [0.8], [0] * 3 + [-0.8], [0] * 3 + [2], [0] * 4]), fov=20)
        return light(render_scene(scene, height=4, width=4, kind="tensor", samples=1, camera=camera)[:3])

    def light(codes):
        return torch.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)

    # Places are rounded to 1/256 of a sample, which differences of a millionth would not see: they are taken by hand.
    got = torch.autograd.grad(draw(positions).sum(), positions)[0]
    step = 0.05
    for corner in range(3):
        for axis in range(3):
            ends = []
            for sign in (1, -1):
                moved = positions.detach().clone()
                moved[corner, axis] += sign * step
                ends.append(draw(moved).sum())
            assert float(got[corner, axis]) == pytest.approx(float(ends[0] - ends[1]) / (2 * step), rel=0.05, abs=0.02)
    assert got[:3].abs().max() > 0.1


# ---------------------------------------------------------------- work


def colorful_scene():
    ball = replace(sphere(12, 24), surface=Surface(base_color=(0.8, 0.4, 0.2, 1), metallic=0.2, roughness=0.5))
    glass = square((0.1, 0.6, 0.9, 0.4), 1.2, unlit=False, alpha_mode="BLEND", double_sided=True)
    leaf = textured(random_picture(5, 5, 4, seed=12), z=-1.1, alpha_mode="MASK", double_sided=True)
    return Scene((glass, ball, leaf))


@pytest.mark.parametrize("output", ["color", "mask", "depth", "normals", "uv"])
def test_strips_and_blocks_do_not_show(output, monkeypatch):
    scene = colorful_scene()
    how = {"height": 33, "width": 29, "output": output, "kind": "tensor"}
    entire = render_scene(scene, **how)
    monkeypatch.setattr(drawing, "_STRIP", 29 * 2 * 4)
    monkeypatch.setattr(drawing, "_BLOCK_ON_HOST", 50)
    in_parts = render_scene(scene, **how)
    assert torch.allclose(entire, in_parts, atol=1e-5, equal_nan=True)


def test_views_are_single_pictures_from_one_distance():
    scene = colorful_scene()
    views = render_views(scene, yaws=[10, 250], height=20, width=30, kind="numpy")
    assert len(views) == 2
    assert not np.array_equal(*views)
    ball = Scene((sphere(12, 25),))  # alike from all sides
    from_all, alone = (
        render_views(ball, yaws=[0, 90], height=16, width=16),
        render_scene(ball, height=16, width=16, yaw=0),
    )
    difference = np.abs(np.asarray(from_all[0], int) - np.asarray(alone))
    assert difference.max() <= 1


def test_kinds_agree():
    scene = colorful_scene()
    how = {"height": 12, "width": 18}
    pil, array, bgr, tensor = (render_scene(scene, kind=kind, **how) for kind in ("pil", "numpy", "cv2", "tensor"))
    assert pil.mode == "RGBA"
    assert pil.size == (18, 12)
    assert np.array_equal(np.asarray(pil), array)
    assert np.array_equal(bgr[..., [2, 1, 0, 3]], array)
    assert tensor.dtype == torch.float32
    assert tensor.shape == (4, 12, 18)
    assert np.array_equal(aikit.to_numpy(tensor, dtype="uint8"), array)
    mask = render_scene(scene, output="mask", **how)
    assert mask.mode == "L"
    assert np.array_equal(np.asarray(mask), array[..., 3])
    depth = render_scene(scene, output="depth", kind="pil", **how)
    assert depth.mode == "F"
    assert np.array_equal(np.asarray(depth), render_scene(scene, output="depth", **how))


def test_a_background_lies_behind():
    scene = Scene((square((1, 0, 0, 0.5), alpha_mode="BLEND"),))
    how = {"height": 16, "width": 16, "kind": "numpy", "camera": flat_view(4.0)}
    over = render_scene(scene, background="blue", **how)
    assert over[0, 0].tolist() == [0, 0, 255, 255]
    assert over[8, 8].tolist() == [188, 0, 188, 255]  # half the light of each
    half = render_scene(scene, background=(0, 0, 255, 128), **how)
    assert half[0, 0].tolist() == [0, 0, 255, 128]


def test_edges_are_as_covered_as_they_are():
    # The left 5.25 of 8 pixels, at 4 samples.
    corners = CORNERS * np.array([1, 1, 1], np.float32)
    corners[1:3, 0] = -1 + 2 * 5.25 / 8
    face = Primitive(corners, FACES, surface=Surface(unlit=True))
    mask = render_scene(Scene((face,)), height=8, width=8, samples=4, output="mask", kind="numpy", camera=flat_view())
    assert mask[4].tolist() == [255] * 5 + [64, 0, 0]
    color = render_scene(Scene((face,)), height=8, width=8, samples=4, kind="numpy", camera=flat_view())
    assert color[4, 5].tolist() == [255, 255, 255, 64]


@pytest.mark.parametrize(
    "scene",
    [
        Scene(()),
        Scene((Primitive(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int64)),)),
        Scene((Primitive(CORNERS, np.array([(0, 0, 1), (2, 2, 2)])),)),
        Scene((Primitive(np.full((3, 3), 7, np.float32), np.array([(0, 1, 2)])),)),
    ],
    ids=["nothing", "no corners", "no area", "a point"],
)
def test_what_has_no_area_gives_an_empty_picture(scene):
    picture = render_scene(scene, height=3, width=5, kind="numpy")
    assert picture.shape == (3, 5, 4)
    assert not picture.any()
    assert np.isinf(render_scene(scene, height=3, width=5, output="depth")).all()


def test_one_pixel():
    assert render_scene(
        Scene((square((1, 1, 1, 1)),)), height=1, width=1, kind="numpy", camera=flat_view(1.0)
    ).tolist() == [[[255] * 4]]


def test_what_is_given_stays():
    scene = colorful_scene()
    before = [(each.positions.copy(), each.faces.copy()) for each in scene.primitives]
    for each in scene.primitives:
        each.positions.flags.writeable = False
    render_scene(scene, height=8, width=8)
    assert all(
        np.array_equal(each.positions, old[0]) and np.array_equal(each.faces, old[1])
        for each, old in zip(scene.primitives, before, strict=True)
    )


def test_textures_are_decoded_once_for_all_views():
    calls = []
    picture = Picture(lambda: calls.append(1) or random_picture(4, 4))
    face = square(base_color_map=TextureUse(picture))
    render_views(Scene((face, replace(face, positions=CORNERS + 1))), yaws=[0, 30, 60], height=8, width=8)
    assert len(calls) == 1


def test_small_pictures_are_drawn_by_one_thread_and_nothing_stays_changed():
    if torch.get_num_threads() < 2 or threads._find_library() is None:
        pytest.skip("torch has one thread here, or no OpenMP")
    before, seen = torch.get_num_threads(), []

    def read():
        elsewhere = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        elsewhere.start()
        elsewhere.join()
        seen.append(torch.get_num_threads())
        return random_picture(4, 4)

    render_scene(Scene((square(base_color_map=TextureUse(Picture(read))),)), height=8, width=8)
    assert seen == [before, 1]
    assert torch.get_num_threads() == before


# ---------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"height": 0}, InputValueError, "height: expected 1 or more, got 0"),
        ({"width": 2.5}, InputTypeError, "width: expected a whole number, got 2.5"),
        ({"fov": 180}, InputValueError, "fov: expected an angle between 0 and 180 degrees, got 180"),
        ({"pitch": 91}, InputValueError, "pitch: expected a number from -90 to 90, got 91"),
        ({"samples": 9}, InputValueError, "samples: expected 1 to 8, got 9"),
        ({"output": "alpha"}, InputValueError, "output: expected one of color, depth, normals, mask, uv, got 'alpha'"),
        ({"kind": "jpeg"}, InputValueError, "kind: expected one of"),
        ({"output": "uv", "kind": "pil"}, InputValueError, 'kind: expected "numpy" or "tensor" for uv'),
        ({"lights": "sun"}, InputValueError, "lights: expected one of studio, scene, got 'sun'"),
        ({"lights": [1]}, InputTypeError, r'lights: expected "studio", "scene" or a list of Light, got \[1\]'),
        ({"camera": 0}, InputValueError, "camera: expected None, for the file has no camera, got 0"),
        ({"camera": Camera(np.eye(3))}, InputValueError, "camera: expected a matrix of 4 by 4 numbers"),
        ({"height": 20_000, "width": 20_000}, LimitError, "mesh: expected at most 178956970 pixels, got 400000000"),
        ({"limits": Limits(max_output_pixels=99), "height": 10, "width": 10}, LimitError, "at most 99 pixels, got 100"),
    ],
)
def test_wrong_arguments_are_told(options, error, message):
    with pytest.raises(error, match=message):
        render_scene(Scene((square(),)), **({"height": 4, "width": 4} | options))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"faces": np.array([(0, 1, 4)])}, "shop.glb: expected faces of corners from 0 to 3, got 4"),
        ({"faces": np.array([(0, 1, -1)])}, "got -1"),
        ({"faces": np.array([(0, 1)])}, r"faces of shape \(F, 3\), got \(1, 2\)"),
        ({"normals": np.zeros((3, 3), np.float32)}, r"values of shape \(4, 3\), got \(3, 3\)"),
        ({"tangents": np.zeros((4, 3), np.float32)}, r"values of shape \(4, 4\), got \(4, 3\)"),
        ({"uvs": (np.zeros((4, 3), np.float32),)}, r"values of shape \(4, 2\), got \(4, 3\)"),
    ],
)
def test_arrays_that_do_not_go_together_are_told(change, message):
    with pytest.raises(InputValueError, match=message):
        render_scene(Scene((replace(square(), **change),), name="shop.glb"), height=4, width=4)


def test_pictures_of_other_shapes_are_told():
    face = textured(np.zeros((2, 2, 5), np.uint8))
    with pytest.raises(InputValueError, match="texture: expected one picture of 1 to 4 channels"):
        render_scene(Scene((face,)), height=4, width=4)


def test_no_view_is_told():
    with pytest.raises(InputValueError, match="yaws: expected at least one, got none"):
        render_views(Scene((square(),)), yaws=[], height=4, width=4)


# ---------------------------------------------------------------- as documents and as files


def photo_mesh():
    return aikit.new_mesh(CORNERS, FACES, uv=UVS, texture=random_picture(16, 16, seed=13))


def test_a_mesh_is_drawn_as_its_scene_is():
    mesh = photo_mesh()
    mesh.rotate(30)
    how = {"height": 20, "width": 24, "yaw": 10, "kind": "numpy"}
    assert np.array_equal(mesh.render(**how), render_scene(mesh.scene(), **how))
    assert mesh.render(height=5, width=5, output="depth").dtype == np.float32


def test_a_moment_of_an_animation_is_drawn():
    from mesh_files import everything

    mesh = aikit.open_mesh(everything())
    early, late = (mesh.render(height=40, width=40, time=time, kind="numpy", camera=0) for time in (0, 1.5))
    assert early[..., 3].any()
    assert not np.array_equal(early, late)


def test_a_turntable_goes_around():
    mesh = photo_mesh()
    views = mesh.turntable(views=4, yaw=45, height=16, width=16, kind="numpy")
    single = render_views(mesh.scene(), yaws=[45, 135, 225, 315], height=16, width=16, kind="numpy")
    assert all(np.array_equal(*pair) for pair in zip(views, single, strict=True))
    with pytest.raises(InputValueError, match="views: expected 1 or more, got 0"):
        mesh.turntable(views=0)
    tensors = mesh.turntable(views=2, height=8, width=8, kind="tensor")
    assert [tuple(each.shape) for each in tensors] == [(4, 8, 8)] * 2


def test_a_turntable_becomes_an_animation(tmp_path):
    aikit.write(photo_mesh().turntable(views=3, height=16, width=16), tmp_path / "turn.webp", duration=50)
    frames = list(aikit.files.read_frames(tmp_path / "turn.webp"))
    assert [frame.size for frame in frames] == [(16, 16)] * 3
    assert all(frame.mode == "RGBA" for frame in frames)


def test_limits_of_the_mesh_hold_for_its_pictures():
    mesh = aikit.open_mesh(photo_mesh().encode(), limits=Limits(max_output_pixels=100))
    with pytest.raises(LimitError, match="at most 100 pixels, got 400"):
        mesh.render(height=20, width=20)
    mesh = aikit.open_mesh(photo_mesh().encode(), limits=Limits(max_fragments=50))
    with pytest.raises(LimitError, match="at most 50 samples of triangles") as caught:
        mesh.render(height=20, width=20)
    assert caught.value.limit == "max_fragments"


def test_the_page_of_a_turntable_loads_nothing_and_holds_its_pictures(tmp_path):
    shown = photo_mesh().show(views=3, height=12, width=10)
    assert shown.yaws == (0, 120, 240)
    shown.write(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page == shown.to_html()
    assert page.count("data:image/webp;base64,") == 4  # three views, the first of them twice
    assert "http" not in page.replace("http-equiv", "")
    assert 'max="2"' in page
    assert "from 120 degrees" in page
    import base64
    import io

    from PIL import Image

    views = [part.split('"')[0] for part in page.split('"data:image/webp;base64,')[2:]]
    first = Image.open(io.BytesIO(base64.b64decode(views[0])))
    assert first.size == (10, 12)
    assert np.abs(np.asarray(first, int)[..., 3] - np.asarray(shown.pictures[0], int)[..., 3]).max() == 0
    frame = shown._repr_html_()
    assert frame.startswith("<iframe")
    assert 'sandbox="allow-scripts"' in frame
    with pytest.raises(InputValueError, match=r"path: expected a name that ends in \.html"):
        shown.write(tmp_path / "page.webp")
    with pytest.raises(InputTypeError, match="path: expected a path, got int"):
        shown.write(3)


def test_names_of_meshes_do_no_harm_in_a_page():
    from aikit.mesh import Turntable

    picture = render_scene(Scene((square(),)), height=4, width=4)
    page = Turntable((picture,), (0.0,), "</script><b>&\"'").to_html()
    assert page.count("</script>") == 1
    assert "<b>" not in page


@pytest.mark.parametrize("limits", [None, Limits(max_seconds=100)], ids=["trusted", "limits"])
def test_readers_give_a_picture_of_a_glb(limits, tmp_path):
    data = photo_mesh().encode()
    picture = aikit.read_pil(data, limits=limits)
    assert (picture.mode, picture.size) == ("RGBA", (512, 512))
    assert np.array_equal(np.asarray(picture), photo_mesh().render(kind="numpy"))
    header = aikit.files.probing.probe_any(data, "a.glb", limits)[0]
    assert (header.format, header.width, header.height, header.mode) == ("glb", 512, 512, "RGBA")
    with pytest.raises(InputValueError, match="frame: expected 0 to 0, got 1"):
        aikit.read_pil(data, frame=1, limits=limits)


def test_recipes_and_folders_take_glb_files(tmp_path):
    (tmp_path / "meshes").mkdir()
    (tmp_path / "meshes" / "box.glb").write_bytes(photo_mesh().encode())
    recipe = aikit.Recipe([("thumbnail", {"side": 32})], to="png")
    report = aikit.convert_folder(tmp_path / "meshes", tmp_path / "out", recipe)
    assert (report.done, report.failed) == (1, 0)
    assert aikit.read_pil(tmp_path / "out" / "box.png").size == (32, 32)
    thumbnail = aikit.Recipe([("thumbnail", {"side": 16})], to="png").bytes(photo_mesh().encode())
    assert aikit.read_pil(thumbnail).size == (16, 16)
    with pytest.raises(aikit.FileFormatError, match="got a GLB of version 1"):
        aikit.read_pil(b"glTF\x01\0\0\0\x10\0\0\0" + bytes(8))


def test_only_meshes_that_are_asked_for_are_drawn():
    with pytest.raises(aikit.FileFormatError, match="got GLB; export it as PNG first"):
        aikit._raster.decode(photo_mesh().encode(), name="box.glb")
