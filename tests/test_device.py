"""Devices: what NVML says, how torch counts, which one is picked, which are hidden.

NVML is faked where the library meets it, at the module pynvml; torch where it says what it was built for.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from hypothesis import given, strategies as st

import aikit
from aikit import DeviceError, InputTypeError, InputValueError, pick_device
from aikit.cli import main
from aikit.device import host, list_devices, set_visible_devices, visible
from aikit.device.choice import existing_device
from aikit.device.listing import torch_accelerator
from aikit.device.nvml import Gpu
from aikit.device.sizes import format_size, parse_size
from aikit.device.visible import Place, places

GiB = 1 << 30
SRC = Path(__file__).parents[1] / "src"


class FakeNvml(ModuleType):
    """The part of pynvml that is used, over a list of GPUs given as dicts; a missing key is a call that fails."""

    NVML_DEVICE_MIG_ENABLE = 1

    class NVMLError(Exception):
        pass

    def __init__(self, gpus, *, driver=True):
        super().__init__("pynvml")
        self.gpus, self.driver, self.open = gpus, driver, 0

    def nvmlInit(self):
        if not self.driver:
            raise self.NVMLError("NVML Shared Library Not Found")
        self.open += 1

    def nvmlShutdown(self):
        self.open -= 1

    def nvmlDeviceGetCount(self):
        if self.gpus is None:
            raise self.NVMLError("Unknown Error")
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index):
        if self.gpus[index] is None:
            raise self.NVMLError("GPU is lost")
        return self.gpus[index]

    def _field(self, handle, name):
        if name not in handle:
            raise self.NVMLError("Not Supported")
        return handle[name]

    def nvmlDeviceGetMigMode(self, handle):
        return self._field(handle, "mig_mode")

    def nvmlDeviceGetMaxMigDeviceCount(self, handle):
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle, place):
        return self._field(handle["instances"], place)

    def nvmlDeviceGetUUID(self, handle):
        return self._field(handle, "uuid")

    def nvmlDeviceGetName(self, handle):
        return self._field(handle, "name")

    def nvmlDeviceGetMemoryInfo(self, handle):
        total, free = self._field(handle, "memory")
        return SimpleNamespace(total=total, free=free, used=total - free)

    def nvmlDeviceGetUtilizationRates(self, handle):
        return SimpleNamespace(gpu=self._field(handle, "busy"), memory=0)


def gpu(letter, *, free=70, name="NVIDIA H100", busy=0):
    return {"uuid": f"GPU-{letter}", "name": name, "memory": (80 * GiB, free * GiB), "busy": busy, "mig_mode": (0, 0)}


def divided(letter, *instances, free=30):
    """A GPU in MIG mode with instances at every other place."""
    found = {2 * at: {"uuid": f"MIG-{i}", "name": "NVIDIA H100 MIG 3g.40gb", "memory": (40 * GiB, free * GiB)}
             for at, i in enumerate(instances)}  # fmt: skip
    return gpu(letter) | {"mig_mode": (1, 1), "instances": found}


FOUR = [gpu("a", free=10, busy=5), gpu("b", free=70, busy=90), gpu("c", free=40, busy=0), gpu("d", free=20, busy=0)]
MIXED = [
    gpu("a", name="NVIDIA T400", free=2),
    gpu("b", name="NVIDIA H100", free=70),
    gpu("c", name="NVIDIA A100", free=40),
]


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)


@pytest.fixture
def nvml(monkeypatch):
    """Put a fake NVML in place; torch can use as many of its GPUs as are visible."""

    def install(gpus, *, driver=True, torch_kind="cuda"):
        module = FakeNvml(gpus, driver=driver)
        monkeypatch.setitem(sys.modules, "pynvml", module)
        kind = torch.device(torch_kind) if torch_kind else None
        monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available=False: kind)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(gpus or []))
        monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
        return module

    return install


@pytest.fixture
def cuda_started(monkeypatch):
    """Let torch say that CUDA has started, with these GPUs in its order."""

    def start(*uuids, initialized=True):
        properties = [SimpleNamespace(uuid=uuid) for uuid in uuids]
        monkeypatch.setattr(torch.cuda, "is_initialized", lambda: initialized)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(uuids))
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: properties[index])

    return start


def indices():
    return {info.uuid: (info.index, info.visible) for info in list_devices()[:-1]}


# Sizes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8GiB", 8 * GiB),
        ("8 gib", 8 * GiB),
        ("8GB", 8_000_000_000),
        ("1.5KiB", 1536),
        ("0B", 0),
        ("2TB", 2 * 10**12),
        ("3TiB", 3 * 2**40),
        ("7kb", 7000),
        ("5MiB", 5 << 20),
        (12, 12),
        (1e9, 10**9),
        (torch.tensor([7]).numpy()[0], 7),
    ],
)
def test_sizes_are_read(text, size):
    assert parse_size(text, subject="budget") == size


@pytest.mark.parametrize("text", ["8G", "8", "", "GiB", "-1GiB", "8IB", "8 Gi B", "1e3MB", "٨GB", -1, 1.5, float("nan")])  # fmt: skip
def test_other_sizes_are_refused(text):
    with pytest.raises(InputValueError, match=r'budget: expected a .*, got .*; (add the unit|pass one or "8GiB")\.'):
        parse_size(text, subject="budget")


@pytest.mark.parametrize("value", [None, True, b"8GB", [1]])
def test_what_is_no_size_is_refused(value):
    with pytest.raises(InputTypeError, match='min_free: expected bytes or a str such as "8GiB", got '):
        parse_size(value, subject="min_free")


@given(st.integers(0, 2**50))
def test_a_size_is_printed_to_a_twentieth_of_a_unit(size):
    printed = format_size(size)
    unit = parse_size(f"1 {printed.split()[1]}", subject="size")
    assert abs(parse_size(printed, subject="size") - size) <= 0.05 * unit + 1


def test_an_unknown_size_is_a_question_mark():
    assert format_size(None) == "?"


# Listing


def test_gpus_are_listed_with_what_nvml_says_and_then_the_cpu(nvml):
    nvml([gpu("a", free=70, busy=35)])
    found, cpu = list_devices()
    assert found == aikit.device.DeviceInfo(
        type="cuda", index=0, uuid="GPU-a", name="NVIDIA H100", total=80 * GiB, free=70 * GiB, utilization=0.35
    )
    assert (found.device, cpu.device, cpu.type, cpu.uuid) == ("cuda:0", "cpu", "cpu", None)
    assert cpu.total > cpu.free > 0


@pytest.mark.parametrize("count", [0, 1, 4])
def test_every_gpu_is_listed_in_the_order_of_the_bus(nvml, count):
    module = nvml(FOUR[:count])
    assert [info.uuid for info in list_devices()] == [*["GPU-a", "GPU-b", "GPU-c", "GPU-d"][:count], None]
    assert module.open == 0  # every init has its shutdown


@pytest.mark.parametrize("broken", [{"driver": False}, {"gpus": None}], ids=["no driver", "no answer"])
def test_without_nvml_the_others_are_listed(nvml, broken):
    nvml(**{"gpus": FOUR, "torch_kind": None} | broken)
    assert [info.type for info in list_devices()] == ["cpu"]


@pytest.mark.parametrize(
    ("missing", "field"),
    [("uuid", "uuid"), ("name", "name"), ("memory", "total"), ("memory", "free"), ("busy", "utilization")],
)
def test_what_nvml_does_not_tell_is_none(nvml, missing, field):
    whole = gpu("a")
    nvml([{key: value for key, value in whole.items() if key != missing}])
    described = list_devices()[0]
    assert getattr(described, field) is None
    assert [described.uuid, described.name, described.total, described.utilization].count(None) == 1
    assert described.index == 0


def test_a_driver_without_mig_is_no_error(nvml):
    whole = gpu("a")
    del whole["mig_mode"]
    nvml([whole])
    assert not list_devices()[0].mig


def test_a_lost_gpu_keeps_its_place(nvml):
    nvml([gpu("a"), None, gpu("c")])
    assert [info.name for info in list_devices()] == ["NVIDIA H100", None, "NVIDIA H100", list_devices()[-1].name]
    # Whether the lost one is as fast as the others nobody knows.
    assert {info.index for info in list_devices()} == {None}


def test_listing_imports_no_torch_and_starts_nothing(tmp_path):
    fake = "import sys; from types import SimpleNamespace as N\n"
    (tmp_path / "pynvml.py").write_text(
        fake + "NVML_DEVICE_MIG_ENABLE = 1\n"
        "class NVMLError(Exception): pass\n"
        "nvmlInit = nvmlShutdown = lambda: None\n"
        "nvmlDeviceGetCount = lambda: 1\n"
        "nvmlDeviceGetHandleByIndex = lambda index: index\n"
        "nvmlDeviceGetMigMode = lambda handle: (0, 0)\n"
        "nvmlDeviceGetUUID = lambda handle: 'GPU-a'\n"
        "nvmlDeviceGetName = lambda handle: 'NVIDIA H100'\n"
        "nvmlDeviceGetMemoryInfo = lambda handle: N(total=2, free=1)\n"
        "nvmlDeviceGetUtilizationRates = lambda handle: N(gpu=0)\n"
    )
    code = "import sys, aikit; print(aikit.device.list_devices()[0].device, 'torch' in sys.modules, 'numpy' in sys.modules)"
    path = os.pathsep.join([str(tmp_path), str(SRC)])
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["cuda:0", "False", "False"]


# torch's numbers


@pytest.mark.parametrize(
    ("variable", "numbers"),
    [
        (None, [0, 1, 2, 3]),
        ("2,0", [1, None, 0, None]),
        ("3", [None, None, None, 0]),
        (" 1 , 2", [None, 0, 1, None]),
        ("1gpu,2x", [None, 0, 1, None]),
        ("1,-1,2", [None, 0, None, None]),
        ("0,foo,1", [0, None, None, None]),
        ("2,9,1", [None, None, 0, None]),
        ("0,0", [None] * 4),
        ("abc", [None] * 4),
        ("", [None] * 4),
        ("-1", [None] * 4),
        ("GPU-c,GPU-a", [1, None, 0, None]),
        ("GPU-c,1", [None, None, 0, None]),
        ("GPU-c,GPU-x,GPU-a", [None, None, 0, None]),
        ("GPU-,GPU-a", [None] * 4),
        ("GPU-c,GPU-c", [None] * 4),
        ("GPU-d,GPU-", [None, None, None, 0]),  # the beginning of several
        ("GPU-cc,GPU-c", [None, None, None, None]),
    ],
)
def test_cuda_visible_devices_is_read_as_cuda_reads_it(nvml, monkeypatch, variable, numbers):
    if variable is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    nvml(FOUR)
    assert [info.index for info in list_devices()[:-1]] == numbers
    assert [info.visible for info in list_devices()[:-1]] == [number is not None for number in numbers]


@pytest.mark.parametrize(
    "variable", ["0,0", "abc", "", "-1", "0,-1,1", "0,foo", "GPU-a,1", "1gpu2,2ampere", "+1,2", "2, 1 ", "GPU-a,MIG-b"]
)
def test_the_variable_is_read_as_torch_reads_it(monkeypatch, variable):
    from aikit.device.visible import _tokens

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    monkeypatch.setattr(torch.version, "hip", None)
    assert _tokens(variable) == torch.cuda._parse_visible_devices()


def test_two_beginnings_of_one_uuid_hide_all(nvml, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-long,GPU-longer")
    nvml([gpu("longer-one")])
    assert indices() == {"GPU-longer-one": (None, False)}


def test_a_variable_that_hides_all_is_said_in_the_log(nvml, monkeypatch, caplog):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,0")
    nvml(FOUR)
    list_devices()
    assert "CUDA_VISIBLE_DEVICES='0,0' hides every GPU" in caplog.text


@pytest.mark.parametrize(
    ("variable", "order", "expected"),
    [
        # The fastest first: which one that is only CUDA knows.
        (None, None, [(None, True)] * 3),
        ("1", None, [(None, None)] * 3),
        (None, "FASTEST_FIRST", [(None, True)] * 3),
        (None, "PCI_BUS_ID", [(0, True), (1, True), (2, True)]),
        ("2,0", "PCI_BUS_ID", [(1, True), (None, False), (0, True)]),
        # UUIDs say it whatever the order.
        ("GPU-c,GPU-a", None, [(1, True), (None, False), (0, True)]),
        ("-1", None, [(None, False)] * 3),
    ],
)
def test_gpus_of_different_speed_are_numbered_where_the_order_is_known(nvml, monkeypatch, variable, order, expected):
    if variable:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    if order:
        monkeypatch.setenv("CUDA_DEVICE_ORDER", order)
    nvml(MIXED)
    assert list(indices().values()) == expected


def test_once_cuda_has_started_torch_says_the_numbers(nvml, cuda_started):
    nvml(MIXED)
    cuda_started("b", "c")
    assert indices() == {"GPU-a": (None, False), "GPU-b": (0, True), "GPU-c": (1, True)}


def test_a_divided_gpu_is_listed_as_its_instances(nvml):
    nvml([divided("a", "x", "y"), gpu("b")])
    found = list_devices()[:-1]
    assert [(info.uuid, info.mig, info.total) for info in found] == [
        ("MIG-x", True, 40 * GiB),
        ("MIG-y", True, 40 * GiB),
        ("GPU-b", False, 80 * GiB),
    ]
    assert [(info.index, info.visible, info.utilization) for info in found[:2]] == [(None, None, None)] * 2


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("MIG-y", [(None, False), (0, True), (None, False)]),
        # How many of several instances CUDA shows depends on its version.
        ("MIG-y,MIG-x", [(None, None), (None, None), (None, False)]),
        ("GPU-b", [(None, False), (None, False), (0, True)]),
        ("MIG-z", [(None, False)] * 3),
        ("0,0", [(None, False)] * 3),
        ("0", [(None, None)] * 3),
    ],
)
def test_instances_are_numbered_where_they_are_named(nvml, monkeypatch, variable, expected):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    nvml([divided("a", "x", "y"), gpu("b")])
    assert list(indices().values()) == expected


@pytest.mark.parametrize("variable", [None, "0"])
def test_the_only_instance_is_0(nvml, monkeypatch, variable):
    if variable:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    nvml([divided("a", "x")])
    assert indices() == {"MIG-x": (0, True)}


def test_a_gpu_divided_into_nothing_is_of_no_use(nvml):
    nvml([divided("a")])
    assert indices() == {"GPU-a": (None, False)}
    assert list_devices()[0].mig


def test_torchs_uuids_are_used_only_when_they_are_the_gpus():
    # Some versions of CUDA give an instance the UUID of the GPU it is a part of.
    instance = Gpu(0, "MIG-x", "H100", 1, 1, None, mig=True)
    assert places([instance], {}, ["a"]) == [Place(0, True)]
    assert places([instance], {}, ["x"]) == [Place(0, True)]


# torch's own devices


def test_devices_that_nvml_does_not_know_are_torchs(nvml, monkeypatch):
    nvml([], driver=False)
    properties = SimpleNamespace(name="AMD Instinct MI300X", total_memory=192 * GiB, uuid="8932")
    taken = {0: 0, 1: 5}
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: properties)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: taken[device.index])
    asked = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: asked.append(device.index) or (7, 9))
    first, second, _ = list_devices()
    assert (first.device, first.name, first.total, first.free) == ("cuda:0", "AMD Instinct MI300X", 192 * GiB, None)
    assert (second.device, second.free) == ("cuda:1", 7)
    assert asked == [1]  # the question opens a context: only where there is one already


def test_apples_gpu_is_listed(nvml, monkeypatch):
    nvml([], driver=False, torch_kind="mps")
    monkeypatch.setattr(torch.mps, "device_count", lambda: 1)
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 12 * GiB)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 2 * GiB)
    info = list_devices()[0]
    assert (info.device, info.total, info.free) == ("mps:0", 12 * GiB, 10 * GiB)
    assert pick_device() == torch.device("mps", 0)


def test_a_cuda_build_without_a_gpu_has_no_accelerator(nvml):
    # torch.accelerator.current_accelerator() says cuda there.
    nvml([], driver=False, torch_kind="cuda")
    assert torch.accelerator.current_accelerator().type == "cuda"
    assert torch_accelerator() == ("cpu", 0)
    assert [info.type for info in list_devices()] == ["cpu"]
    assert pick_device() == torch.device("cpu")


# Main memory


def test_main_memory_is_what_the_system_says():
    memory, process = host.host_memory(), host.process_memory()
    assert 0 < memory.available <= memory.total
    assert 0 < process.resident <= process.peak < memory.total


def group(folder, limit, used, cache, *, version=2):
    names = ("memory.max", "memory.current", "inactive_file") if version == 2 else (
        "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{names[2]} {cache}\n")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with 64 GiB, 32 of them available, and control groups to be written."""
    proc, groups = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    groups.mkdir()
    (proc / "meminfo").write_text(f"MemTotal: {64 << 20} kB\nMemFree: 1 kB\nMemAvailable: {32 << 20} kB\nHuge: 3\n")
    monkeypatch.setattr(host, "_PROC", proc)
    monkeypatch.setattr(host, "_CGROUPS", groups)
    monkeypatch.setattr(host, "_SYSTEM", "linux")
    return proc, groups


def test_without_a_limit_the_machine_counts(machine):
    proc, groups = machine
    (proc / "self/cgroup").write_text("0::/user.slice\n")
    group(groups / "user.slice", "max", 5 * GiB, 0)
    assert host.host_memory() == (64 * GiB, 32 * GiB, None)


@pytest.mark.parametrize("version", [1, 2])
def test_the_containers_limit_counts_and_droppable_pages_do_not(machine, version):
    proc, groups = machine
    (proc / "self/cgroup").write_text("0::/job\n" if version == 2 else "4:cpu,memory:/job\n3:pids:/other\n0::/\n")
    group(groups / ("job" if version == 2 else "memory/job"), 8 * GiB, 5 * GiB, 2 * GiB, version=version)
    assert host.host_memory() == (8 * GiB, 5 * GiB, 8 * GiB)


def test_the_smallest_limit_of_the_groups_around_counts(machine):
    proc, groups = machine
    (proc / "self/cgroup").write_text("0::/pod/container\n")
    group(groups / "pod", 8 * GiB, 7 * GiB, 0)
    group(groups / "pod/container", 16 * GiB, 1 * GiB, 0)
    assert host.host_memory() == (8 * GiB, 1 * GiB, 8 * GiB)
    group(groups / "pod", 16 * GiB, 7 * GiB, 0)
    group(groups / "pod/container", 8 * GiB, 7 * GiB, 0)
    assert host.host_memory() == (8 * GiB, 1 * GiB, 8 * GiB)


def test_inside_a_container_the_root_is_the_group(machine):
    proc, groups = machine
    (proc / "self/cgroup").write_text("0::/../host/path/not/here\n")
    group(groups, 4 * GiB, 1 * GiB, 0)
    assert host.host_memory().total == 4 * GiB


def test_a_limit_above_the_machine_is_none(machine):
    proc, groups = machine
    (proc / "self/cgroup").write_text("4:memory:/\n")
    group(groups / "memory", 2**63 - 4096, 1 * GiB, 0, version=1)
    assert host.host_memory() == (64 * GiB, 32 * GiB, None)


def test_a_kernel_without_a_peak_has_getrusages(machine):
    proc, _ = machine
    (proc / "self/status").write_text("Name:\tpython\nVmRSS:\t   2048 kB\n")
    process = host.process_memory()
    assert process.resident == 2 << 20
    assert process.peak > 10 << 20  # this interpreter's


# Picking


def test_the_device_with_most_free_memory_is_picked(nvml):
    nvml(FOUR)
    assert pick_device() == torch.device("cuda", 1)
    assert pick_device("cuda") == torch.device("cuda", 1)


def test_the_index_is_torchs_and_not_nvmls(nvml, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,2,1")
    nvml(FOUR)
    assert pick_device() == torch.device("cuda", 2)


def test_gpus_that_are_hidden_are_not_picked(nvml, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,3")
    nvml(FOUR)
    assert pick_device() == torch.device("cuda", 1)  # GPU-d, with 20 GiB


def test_where_only_cuda_knows_the_index_it_is_asked(nvml, cuda_started):
    nvml(MIXED)
    cuda_started("c", "b", "a", initialized=False)  # the fastest first
    assert pick_device() == torch.device("cuda", 1)
    assert pick_device("cuda:0", min_free="40GiB") == torch.device("cuda", 0)


def test_a_gpu_that_cuda_does_not_show_is_not_picked(nvml, cuda_started, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    nvml(MIXED)
    cuda_started("a", initialized=False)
    assert pick_device() == torch.device("cuda", 0)
    with pytest.raises(DeviceError, match=r"got cuda:0 \(2\.0 GiB free, 0% busy\)"):
        pick_device(min_free="8GiB")


@pytest.mark.parametrize(
    ("conditions", "index"),
    [
        ({"min_free": "30GiB"}, 1),
        ({"min_free": 71 * GiB - GiB}, 1),
        ({"max_utilization": 0.5}, 2),
        ({"max_utilization": 0, "min_free": "20GiB"}, 2),
        ({"max_utilization": 1}, 1),
    ],
)
def test_only_devices_that_qualify_are_picked(nvml, conditions, index):
    nvml(FOUR)
    assert pick_device(**conditions) == torch.device("cuda", index)


def test_where_none_qualifies_the_message_lists_each(nvml):
    nvml(FOUR)
    expected = (
        r"device: expected at least 75\.0 GiB free and utilization at most 0\.5, "
        r"got cuda:0 \(10\.0 GiB free, 5% busy\), cuda:1 \(70\.0 GiB free, 90% busy\), cuda:2 .*, cuda:3 .*; free some"
    )
    with pytest.raises(DeviceError, match=expected):
        pick_device(min_free="75GiB", max_utilization=0.5)


def test_a_named_device_must_qualify_too(nvml):
    nvml(FOUR)
    assert pick_device("cuda:3", min_free="20GiB") == torch.device("cuda", 3)
    with pytest.raises(DeviceError, match=r"expected at least 21\.0 GiB free, got cuda:3 \(20\.0 GiB free, 0% busy\)"):
        pick_device("cuda:3", min_free="21GiB")


def test_a_device_that_does_not_tell_its_load_does_not_qualify(nvml):
    nvml([divided("a", "x")])
    with pytest.raises(DeviceError, match=r"utilization at most 0\.9"):
        pick_device(max_utilization=0.9)


def test_without_an_accelerator_the_cpu_is_picked_whatever_the_conditions(nvml):
    nvml([], torch_kind=None)
    assert pick_device(min_free="900TiB", max_utilization=0) == torch.device("cpu")


def test_a_build_without_cuda_picks_the_cpu_and_says_why(nvml, caplog):
    nvml(FOUR[:1], torch_kind=None)
    assert pick_device() == torch.device("cpu")
    assert "torch cannot use cuda:0 (10.0 GiB free, 5% busy)" in caplog.text


@pytest.mark.parametrize("asked", ["cuda:4", "mps", "xpu:0", "meta", torch.device("cuda", 9)], ids=str)
def test_a_device_that_is_missing_raises_and_lists_what_there_is(nvml, asked):
    nvml(FOUR)
    with pytest.raises(DeviceError, match=rf'expected one of cuda:0 .* cuda:3 .*, cpu .*, got "{asked}"; pass one of'):
        pick_device(asked)


@pytest.mark.parametrize("asked", ["cpu", "cpu:0", torch.device("cpu")], ids=str)
def test_the_cpu_is_always_there(nvml, asked):
    nvml(FOUR)
    assert pick_device(asked) == torch.device("cpu")
    with pytest.raises(DeviceError, match=r"expected at least 900\.0 TiB free, got cpu \("):
        pick_device(asked, min_free="900TiB")


def test_free_memory_that_nvml_does_not_tell_is_asked_of_the_device(nvml, monkeypatch):
    nvml([gpu("a", free=30), {"uuid": "GPU-b", "name": "NVIDIA H100"}])
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (60 * GiB, 80 * GiB))
    assert pick_device() == torch.device("cuda", 1)
    assert pick_device(min_free="50GiB") == torch.device("cuda", 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prefer": "gpu"}, 'device: expected a name such as "cuda:0" or "cpu", got \'gpu\'; pass one'),
        ({"min_free": "8G"}, 'min_free: expected a size such as "8GiB"'),
        ({"max_utilization": 50}, "max_utilization: expected a number from 0 to 1, got 50; pass one in that range"),
        ({"max_utilization": float("nan")}, "max_utilization: expected a number from 0 to 1, got nan"),
    ],
)
def test_wrong_values_are_refused(arguments, message):
    with pytest.raises(InputValueError, match=message):
        pick_device(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prefer": 0}, 'device: expected a str or torch.device, got 0; pass "auto" or "cuda:0"'),
        ({"min_free": None, "max_utilization": "half"}, "max_utilization: expected a number from 0 to 1, got 'half'"),
    ],
)
def test_wrong_types_are_refused(arguments, message):
    with pytest.raises(InputTypeError, match=message):
        pick_device(**arguments)


def test_free_memory_that_nobody_tells_qualifies_for_nothing(nvml, monkeypatch):
    nvml([{"uuid": "GPU-b", "name": "NVIDIA H100"}])
    monkeypatch.setattr(torch.cuda, "mem_get_info", None)
    monkeypatch.delattr(torch.cuda, "mem_get_info")
    with pytest.raises(DeviceError, match=r"expected at least 1 B free, got cuda:0 \(\? free\)"):
        pick_device(min_free=1)


@pytest.mark.parametrize("device", ["cuda:4", "xpu"])
def test_a_device_that_does_not_exist_is_refused(nvml, device):
    nvml(FOUR)
    with pytest.raises(
        DeviceError, match=rf'expected one of cuda:0 .*, got "{device}"; pass one of these or pick_device'
    ):
        existing_device(device)


def test_a_device_gets_its_index(nvml, monkeypatch):
    nvml(FOUR)
    assert existing_device("cuda") == torch.device("cuda", 0)
    assert existing_device("cuda:2") == torch.device("cuda", 2)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 3)
    assert existing_device("cuda") == torch.device("cuda", 3)


# Hiding


@pytest.fixture
def chosen(monkeypatch):
    """The variable after a call; whatever it was is put back."""

    # On a machine with a GPU a test before this one may have started it.
    monkeypatch.setattr(visible, "_driver_has_started", lambda: False)

    def call(*devices, before=None):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
        if before is None:
            del os.environ["CUDA_VISIBLE_DEVICES"]
        else:
            os.environ["CUDA_VISIBLE_DEVICES"] = before
        set_visible_devices(*devices)
        return os.environ["CUDA_VISIBLE_DEVICES"]

    return call


@pytest.mark.parametrize(
    ("devices", "variable"),
    [
        ((1,), "1"),
        ((2, 0), "2,0"),
        (("3", "1"), "3,1"),
        (("2, 0",), "2,0"),
        (("02",), "2"),
        (("GPU-c",), "GPU-c"),
        (("GPU-c,GPU-a",), "GPU-c,GPU-a"),
        (("GPU-c", "GPU-a"), "GPU-c,GPU-a"),
        ((None,), "-1"),
    ],
)
def test_the_variable_is_set(nvml, chosen, devices, variable):
    nvml(FOUR)
    assert chosen(*devices) == variable


def test_torch_reads_what_was_set(nvml, chosen, monkeypatch):
    nvml(FOUR)
    chosen(2, 0)
    monkeypatch.setattr(torch.version, "hip", None)
    assert torch.cuda._parse_visible_devices() == [2, 0]
    chosen(None)
    assert torch.cuda._parse_visible_devices() == []


def test_an_index_counts_what_is_visible_now(nvml, chosen):
    nvml(FOUR)
    assert chosen(0, before="2,3") == "2"
    assert chosen(1, 0, before="GPU-d,GPU-b") == "GPU-b,GPU-d"
    with pytest.raises(DeviceError, match=r"devices: expected indices below 2, got '2'; run `aikit devices`"):
        chosen(2, before="2,3")


def test_without_nvml_indices_are_taken_as_they_are(nvml, chosen):
    nvml([], driver=False)
    assert chosen(5) == "5"
    assert chosen("GPU-x") == "GPU-x"


@pytest.mark.parametrize(
    ("devices", "message"),
    [
        ((), "devices: expected indices or UUIDs, got nothing; pass None to hide every GPU"),
        (("",), "got nothing"),
        (("0,0",), "expected each GPU once, got '0,0', which CUDA would read as no GPU; name it once"),
        ((1, 1), "got '1,1'"),
        (("1", "01"), "got '1,1'"),
        (("GPU-a,GPU-a",), "got 'GPU-a,GPU-a'"),
        (("abc",), "got 'abc', which CUDA would read as no GPU; pass None to hide every GPU"),
        (("-1",), "got '-1'"),
        ((-1,), "got '-1'"),
        (("0,",), "got ''"),
        (("0,1x",), "got '1x'"),
        (("0;1",), "got '0;1'"),
        (("all",), "got 'all'"),
        (("GPU-a,1",), "expected only indices or only UUIDs of one kind, got 'GPU-a,1'; pass UUIDs"),
        ((0, "GPU-b"), "got '0,GPU-b'"),
        (("GPU-a", "MIG-x"), "got 'GPU-a,MIG-x'"),
        (("²",), "got '²'"),
    ],
)
def test_what_cuda_would_read_otherwise_is_refused(nvml, devices, message):
    nvml(FOUR)
    with pytest.raises(InputValueError, match=message):
        set_visible_devices(*devices)
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


@pytest.mark.parametrize("devices", [(0.0,), (None, 0), (True,), ([0, 1],)], ids=str)
def test_what_is_no_device_is_refused(devices):
    with pytest.raises(
        InputTypeError, match=r"devices: expected indices or UUIDs, got .*; pass None alone to hide all"
    ):
        set_visible_devices(*devices)


@pytest.mark.parametrize(
    ("devices", "message"),
    [
        ((4,), "devices: expected indices below 4, got '4'"),
        (("GPU-x",), "devices: expected UUIDs of one GPU each, got 'GPU-x'; there are GPU-a, GPU-b, GPU-c, GPU-d"),
        (("GPU-",), "got 'GPU-'"),
    ],
)
def test_a_gpu_that_is_missing_cannot_be_shown(nvml, devices, message):
    nvml(FOUR)
    with pytest.raises((DeviceError, InputValueError), match=message):
        set_visible_devices(*devices)


def test_once_cuda_has_started_nothing_can_be_hidden(nvml, monkeypatch):
    nvml(FOUR)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    with pytest.raises(
        DeviceError, match="devices: expected CUDA not yet started in this process, got '1' after it had"
    ):
        set_visible_devices(1)
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


@pytest.mark.parametrize(("answer", "started"), [(0, True), (3, False), (100, True)])
def test_a_driver_that_others_started_is_noticed(nvml, monkeypatch, answer, started):
    # torch.cuda.is_available() and CuPy start the driver without torch calling itself initialized.
    import ctypes

    from aikit.device.visible import cuda_has_started

    nvml(FOUR)
    driver = SimpleNamespace(cuDeviceGetCount=lambda pointer: answer)
    monkeypatch.setattr(ctypes, "CDLL", lambda name, mode: driver)
    assert cuda_has_started() is started


def test_a_driver_that_is_not_loaded_has_not_started(nvml):
    nvml(FOUR)
    code = "from aikit.device.visible import cuda_has_started; print(cuda_has_started())"
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# The command


def test_the_command_prints_one_row_a_device(nvml, monkeypatch, capsys):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    nvml([gpu("a", free=10, busy=5), gpu("b", free=70.5, busy=100)])
    assert main(["devices"]) == 0
    header, first, second, cpu = capsys.readouterr().out.splitlines()
    assert header.split() == ["device", "name", "total", "free", "busy", "uuid", "notes"]
    assert first.split() == "- NVIDIA H100 80.0 GiB 10.0 GiB 5% GPU-a hidden".split()
    assert second.split() == "cuda:0 NVIDIA H100 80.0 GiB 70.5 GiB 100% GPU-b".split()
    assert cpu.startswith("cpu ")


def test_the_command_says_what_only_cuda_knows(nvml, capsys):
    nvml([*MIXED, divided("d", "x")])
    assert main(["devices"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].rstrip().endswith("numbered by CUDA when it starts")
    assert lines[4].rstrip().endswith("numbered by CUDA when it starts, MIG")


def test_the_command_as_json(nvml, capsys):
    nvml(FOUR)
    assert main(["devices", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[1] == {
        "device": "cuda:1",
        "type": "cuda",
        "index": 1,
        "uuid": "GPU-b",
        "name": "NVIDIA H100",
        "total": 80 * GiB,
        "free": 70 * GiB,
        "utilization": 0.9,
        "mig": False,
        "visible": True,
    }
    assert rows[-1]["device"] == "cpu"


# On a GPU


def in_a_new_process(code):
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.gpu
def test_the_uuids_and_memory_are_those_of_torch():
    torch.zeros(1, device="cuda")
    shown = [info for info in list_devices() if info.index is not None]
    assert len(shown) == torch.cuda.device_count()
    for info in shown:
        properties = torch.cuda.get_device_properties(info.index)
        assert info.uuid.endswith(str(properties.uuid))
        assert info.name == properties.name
        # The driver keeps a little for itself, which CUDA does not count.
        assert abs(info.total - properties.total_memory) < 0.05 * info.total
        assert abs(info.free - torch.cuda.mem_get_info(info.index)[0]) < 0.05 * info.total


@pytest.mark.gpu
def test_listing_and_picking_take_no_gpu_memory():
    code = """
import aikit
before = [info.free for info in aikit.device.list_devices()[:-1]]
device = aikit.pick_device(min_free="1GiB")
import torch
report = aikit.memory.memory_report(device)
freed = aikit.free_memory()
after = [info.free for info in aikit.device.list_devices()[:-1]]
taken = sum(before) - sum(after)
print(device.type, torch.cuda.is_initialized(), taken < 64 << 20, report.used, report.total > 0, freed)
"""
    assert in_a_new_process(code) == ["cuda", "False", "True", "0", "True", "0"]


@pytest.mark.gpu
def test_what_is_hidden_before_cuda_starts_is_hidden():
    code = "import aikit; aikit.device.set_visible_devices(None); import torch; print(torch.cuda.is_available())"
    assert in_a_new_process(code) == ["False"]
    code = "import aikit; aikit.device.set_visible_devices(aikit.device.list_devices()[0].uuid); import torch; print(torch.cuda.device_count())"
    assert in_a_new_process(code) == ["1"]


@pytest.mark.gpu
@pytest.mark.parametrize("start", ["torch.zeros(1, device='cuda')", "torch.cuda.is_available()"])
def test_after_cuda_has_started_hiding_raises(start):
    code = f"""
import torch, aikit
{start}
try:
    aikit.device.set_visible_devices(0)
except aikit.DeviceError as error:
    print("refused")
"""
    assert in_a_new_process(code) == ["refused"]


@pytest.mark.gpu
def test_looking_does_not_start_the_driver():
    code = "import aikit; aikit.device.list_devices(); import torch; aikit.device.set_visible_devices(0); print('ok')"
    assert in_a_new_process(code) == ["ok"]
