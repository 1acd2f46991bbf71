"""Operations inside of functions that torch.compile compiles as a whole, and in programs that run elsewhere."""

import logging

import pytest

import aikit
from aikit import operations

torch = pytest.importorskip("torch")

# Keywords for each operation of the registry, and channels where three will not do.
KEYWORDS = {
    "resize": {"height": 11, "width": 13, "method": "bicubic"},
    "blur": {"sigma": 1.5},
    "crop": {"left": 2, "top": 3, "width": 9, "height": 8},
    "pad": {"left": 2, "top": 1},
    "fit": {"height": 16, "width": 16, "how": "letterbox"},
    "thumbnail": {"side": 12},
    "rotate": {"degrees": 30},
    "warp_affine": {"matrix": ((1, 0.1, 2), (0, 1, 1))},
    "warp_perspective": {"matrix": ((1, 0.1, 2), (0, 1, 1), (0.001, 0, 1))},
    "make_transparent": {"color": "white"},
    "color_to_alpha": {"color": "white"},
    "convert_color": {"src": "rgb", "dst": "hsv"},
    "upsample": {"scale": 2},
}
CHANNELS = {"gray_to_rgb": 1, "flatten": 4, "premultiply": 4, "unpremultiply": 4, "estimate_foreground": 4}


def picture(channels=3, dtype="float32", size=(24, 30)):
    rows, columns = torch.meshgrid(*map(torch.arange, size), indexing="ij")
    planes = [(rows * (3 + at) + columns * (5 - at) + 40 * at) % 251 for at in range(channels)]
    codes = torch.stack(planes)[None].to(torch.uint8)
    return codes if dtype == "uint8" else codes / 255


@pytest.fixture(autouse=True)
def _fresh():
    torch.compiler.reset()
    logging.getLogger("torch._dynamo").setLevel(logging.ERROR)


# Those of aikit: other tests register some that look at every value.
NAMES = [each.name for each in operations.all() if each.name != "trim" and each.module is None]


# "aot_eager" looks into every step, as a real backend does, and then runs it as it is. At `estimate_foreground` it looks
# for twenty seconds.
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("name", NAMES)
def test_an_operation_is_a_step_of_the_graph(name, backend):
    if (name, backend) == ("estimate_foreground", "aot_eager"):
        backend = "eager"
    image = picture(CHANNELS.get(name, 3))
    function, keywords = operations.get(name).function, KEYWORDS.get(name, {})
    compiled = torch.compile(lambda image: function(image, **keywords) * 2, backend=backend, fullgraph=True)
    expected = function(image, **keywords) * 2
    # A compiler may sum in another order.
    torch.testing.assert_close(compiled(image), expected, rtol=0, atol=2e-5)


def test_codes_labels_and_data():
    codes, labels = picture(dtype="uint8"), torch.arange(64).reshape(1, 8, 8)
    for function, image in [
        (lambda image: aikit.resize(image, scale=0.5), codes),
        (lambda image: aikit.resize(image, scale=0.5, method="nearest"), labels),
        (lambda image: aikit.crop(image, left=1, top=1, width=4, height=3, channels="data"), torch.rand(5, 8, 8)),
    ]:
        compiled = torch.compile(function, backend="aot_eager", fullgraph=True)
        assert torch.equal(compiled(image), function(image))


def test_several_images_and_options_by_name():
    top, bottom = picture(4), picture(3).flip(-1)

    def function(top, bottom):
        return aikit.normalize(aikit.composite(top, background=bottom), mean="imagenet", std="imagenet")

    compiled = torch.compile(function, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(top, bottom), function(top, bottom), rtol=0, atol=1e-6)


def test_other_sizes_are_compiled_for_too():
    compiled = torch.compile(lambda image: aikit.resize(image, scale=0.5), backend="aot_eager", fullgraph=True)
    for size in [(24, 30), (26, 30), (28, 40)]:
        image = picture(size=size)
        torch.testing.assert_close(compiled(image), aikit.resize(image, scale=0.5), rtol=0, atol=1e-6)


def test_what_was_kept_for_eager_calls_does_no_harm():
    image = picture().requires_grad_()
    aikit.resize(image, scale=0.25)  # keeps its weights
    compiled = torch.compile(lambda image: aikit.resize(image, scale=0.25), backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(image), aikit.resize(image, scale=0.25), rtol=0, atol=1e-6)


def test_gradients_flow():
    ours, theirs = picture().requires_grad_(), picture().requires_grad_()
    compiled = torch.compile(lambda image: aikit.resize(image, scale=0.5), backend="aot_eager", fullgraph=True)
    compiled(ours).square().sum().backward()
    aikit.resize(theirs, scale=0.5).square().sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=0, atol=1e-6)


def test_a_recipe_is_its_steps():
    recipe = aikit.Recipe.parse("fit height=16 width=16 how=letterbox; rgb_to_gray")
    compiled = torch.compile(lambda image: recipe(image), backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(picture()), recipe(picture()), rtol=0, atol=1e-6)


def test_mistakes_are_told():
    compiled = torch.compile(lambda image: aikit.resize(image, scale=-1), backend="eager", fullgraph=True)
    with pytest.raises(RuntimeError, match="scale: expected a positive number, got -1"):
        compiled(picture())


def test_what_looks_at_values_cannot_be_compiled():
    image = picture(4)
    with pytest.raises(RuntimeError, match="trim"):
        torch.compile(lambda image: aikit.trim(image), backend="eager", fullgraph=True)(image)


# ---------------------------------------------------------------- exported


class Model(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, image):
        return self.function(image)


@pytest.mark.parametrize(
    "function",
    [aikit.rgb_to_lab, aikit.lab_to_rgb, lambda image: aikit.normalize(aikit.resize(image, scale=0.5), mean=0.5, std=0.5)],
    ids=["to lab", "from lab", "resize and normalize"],
)  # fmt: skip
def test_onnx_has_a_form_for_it(function, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    image, path = picture(), tmp_path / "model.onnx"
    torch.onnx.export(Model(function).eval(), (image,), dynamo=True, verbose=False).save(path)
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {session.get_inputs()[0].name: image.numpy()})
    # Lab runs to 100, and each runtime has its own powers.
    torch.testing.assert_close(torch.from_numpy(result), function(image), rtol=1e-5, atol=1e-4)
