"""One network, several programs that compute it: PyTorch, and on a processor ONNX Runtime and OpenVINO."""

import copy
import importlib.util
import io
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn

from tutorial_lib.checkpoint import digest
from tutorial_lib.data.images import resize
from tutorial_lib.data.photographs import load_photograph
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import atomic_path, read_json, write_json
from tutorial_lib.hardware import hardware
from tutorial_lib.schema import each, number, whole
from tutorial_lib.settings import build_folder
from tutorial_lib.timing import in_turn, summary

NEEDS = {     # the packages behind each engine; the slowest to start comes last
    "torch": (), "torch-bfloat16": (), "onnxruntime": ("onnx", "onnxruntime"), "openvino": ("onnx", "openvino"),
    "openvino-bfloat16": ("onnx", "openvino"), "compile": (),
}
AUTOMATIC = [name for name in NEEDS if name != "compile"]   # which takes minutes before it paints a first frame
NEAR = 40.0          # dB against float32 PyTorch: below, an engine's rounding could be seen
PHOTOGRAPH = "chelsea"      # that judges it: a film's own first frame may be black, where rounding is large
EXACT = 80.0         # dB: two ways to compute the same in float32 are nearer than this
OPSET = 18           # of ONNX: the first with anti-aliased resizing, and what both engines read
MEASURED = {"measured": [{"about": {"size": [whole(1)]},
                          "engines": each({"seconds": number(0), "decibels": number()})}]}
INPUTS = ("frame", "warped_previous", "mask")

Paint = Callable[..., torch.Tensor]


class Engine:
    """A network in an engine, called with what the network itself is called with; frames (1, 3, H, W) of any size.

    name: of the engine. uses_flow: as the network's.
    """

    def __init__(self, name: str, network: nn.Module, paint: Paint):
        self.name, self.uses_flow, self._paint = name, getattr(network, "uses_flow", False), paint

    def __call__(self, *images: torch.Tensor) -> torch.Tensor:
        return self._paint(*images)


def start(network: nn.Module, name: str = "torch", threads: int | None = None) -> Engine:
    """A frozen network in an engine of `NEEDS`. threads: of ONNX Runtime and OpenVINO; by default as many as PyTorch's.

    "torch-bfloat16" computes where PyTorch's autocast does, "openvino-bfloat16" where the processor can; all other
    engines in float32.
    Raises: TutorialError for an unknown engine, one that is not installed, or one that has no GPU where the network is
    on one.
    """
    check(name, _device(network).type)
    network, threads = network.eval(), threads or torch.get_num_threads()
    if name == "torch":
        paint = network
    elif name == "torch-bfloat16":
        paint = _autocast(network)
    elif name == "compile":
        paint = torch.compile(network, dynamic=True)
    else:
        graph = to_onnx(network)
        paint = _onnxruntime(graph, threads) if name == "onnxruntime" else _openvino(graph, name, threads)
        if getattr(network, "uses_flow", False):
            paint = _with_a_past(paint)
    return Engine(name, network, torch.inference_mode()(paint))


def installed(device: str = "cpu") -> list[str]:
    """The engines that can be started here, without "compile", which waits for a C++ compiler only when it starts."""
    return [name for name in AUTOMATIC if _why_not(name, device) is None]


def check(name: str, device: str = "cpu") -> None:
    """Raises: TutorialError when an engine cannot be started on a kind of device."""
    if name not in NEEDS:
        raise TutorialError(f"Unknown engine {name!r}; the engines are auto, {', '.join(NEEDS)}.")
    reason = _why_not(name, device)
    if reason:
        raise TutorialError(f"The engine {name} {reason}.")


def _why_not(name: str, device: str) -> str | None:
    missing = [package for package in NEEDS[name] if importlib.util.find_spec(package) is None]
    if missing:
        return f"needs {' and '.join(missing)}: pip install 'optical-flow-distillation[fast]', or -e '.[fast]'"
    return "computes on the processor; take torch on a GPU" if NEEDS[name] and device != "cpu" else None


# --- which is the fastest ---


def fastest(network: nn.Module, size: Sequence[int], progress: bool = False) -> str:
    """The fastest installed engine for frames of `size` (height, width) that is `NEAR` dB near to float32 PyTorch.

    Near by a photograph. In frames that are nearly black or nearly flat the normalisation of a network enlarges
    whatever there is, rounding too, and an engine in bfloat16 may be farther away.
    Measured once for a network, a size, this machine and these versions, and kept in the build folder.
    """
    return chosen(measured(network, size, progress))


def chosen(report: Mapping[str, Mapping[str, float]]) -> str:
    """The fastest of a report of `measured` that is near."""
    near = {name: row for name, row in report.items() if row["decibels"] >= NEAR}
    return min(near, key=lambda name: near[name]["seconds"], default="torch")


def measured(network: nn.Module, size: Sequence[int], progress: bool = False) -> dict[str, dict[str, float]]:
    """{engine: {"seconds": a frame, "decibels": against float32 PyTorch}}, from the build folder where it is known."""
    device = _device(network)
    names = installed(device.type)
    about = {"network": f"{type(network).__name__} {digest(network)}", "size": [*size], "picture": PHOTOGRAPH,
             "threads": torch.get_num_threads(), "hardware": hardware(), "device": device.type, "engines": names,
             "versions": versions(names)}
    before = kept()
    known = [row for row in before if row["about"] == about]
    if known:
        return known[-1]["engines"]
    if progress:
        print(f"Which engine is the fastest here? Trying {', '.join(names)} (once) ...", flush=True)
    found = compare([start(network, name) for name in names], _photograph(size, device))
    write_json(_file(), {"measured": [*before[-50:], {"about": about, "engines": found}]})
    return found


def is_near(engine: Engine, network: nn.Module, size: Sequence[int]) -> bool:
    """Whether an engine paints as a network does in float32 PyTorch, by the photograph at a size (height, width)."""
    images = _images(network, _photograph(size, _device(network)))
    with torch.inference_mode():
        return decibels(engine(*images), network(*images)) >= NEAR


def compare(engines: Sequence[Engine], frame: torch.Tensor, rounds: int = 5) -> dict[str, dict[str, float]]:
    """Times engines in turn, so that a machine that slows down slows all of them; the first has to be exact."""
    images = _images(engines[0], frame)
    painted = {engine.name: engine(*images) for engine in engines}
    times = in_turn({engine.name: partial(engine, *images) for engine in engines}, rounds, bar=False)
    exact = painted[engines[0].name]
    return {name: {"seconds": summary(times[name])["seconds"], "decibels": decibels(painted[name], exact)}
            for name in times}


def decibels(a: torch.Tensor, b: torch.Tensor) -> float:
    """The peak signal-to-noise ratio of two pictures in [0, 1]; at most 200, for equal ones."""
    error = (a.float() - b.float()).square().mean().item()
    return -10 * math.log10(max(error, 1e-20))


def kept() -> list[dict]:
    """What was measured on this machine or another, the latest last."""
    try:
        return read_json(_file(), MEASURED)["measured"]
    except TutorialError:
        return []


def _photograph(size: Sequence[int], device: torch.device) -> torch.Tensor:
    return resize(load_photograph(PHOTOGRAPH), *size).clamp(0, 1).to(device)


def _file() -> Path:
    return build_folder() / "engines.json"


def _device(network: nn.Module) -> torch.device:
    return next((p.device for p in network.parameters()), torch.device("cpu"))


def versions(names: Sequence[str]) -> dict[str, str]:
    """Of the packages behind some engines."""
    packages = sorted({package for name in names for package in NEEDS[name]})
    return {package: version(package) for package in ("torch", *packages)}


# --- ONNX ---


def export(network: nn.Module, path: str | Path, about: dict[str, str] | None = None) -> None:
    """Writes a network as ONNX: "frame" (N, 3, H, W) in [0, 1] -> "painted", any N, H and W from 16 pixels up.

    A teacher with flow has two more inputs, "warped_previous" (N, 3, H, W) and "mask" (N, 1, H, W), both zero where
    there is no past. about: goes into the file's metadata. Where ONNX Runtime is installed, it paints a picture of
    another size than the traced one first, which has to be that of PyTorch.
    Raises: TutorialError when the package onnx is not installed, the file does not end in .onnx or cannot be written,
    or when the graph paints otherwise.
    """
    if Path(path).suffix.lower() != ".onnx":
        raise TutorialError(f"{path} should end in .onnx.")
    _need_onnx()
    import onnx

    model = onnx.load_model_from_string(to_onnx(network))
    onnx.helper.set_model_props(model, about or {})
    onnx.checker.check_model(model)
    if _why_not("onnxruntime", "cpu") is None:
        _check_graph(model.SerializeToString(), network)
    with atomic_path(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


def _check_graph(graph: bytes, network: nn.Module) -> None:
    """Raises: TutorialError where a graph paints otherwise than its network."""
    network = copy.deepcopy(network).cpu().eval()
    frame = _photograph((66, 98), torch.device("cpu"))
    images = (frame, frame.flip(3), torch.ones_like(frame[:, :1])) if getattr(network, "uses_flow", False) else (frame,)
    with torch.inference_mode():
        near = decibels(_onnxruntime(graph, 1)(*images), network(*images))
    if near < EXACT:
        raise TutorialError(f"The exported graph is only {near:.0f} dB near to the network, so it is not written; "
                            "another version of torch or onnx may trace it rightly.")


def to_onnx(network: nn.Module) -> bytes:
    """A network as an ONNX graph for frames of any number and size."""
    return _traced(network)


def to_onnx_without_weights(network: nn.Module) -> bytes:
    """The same graph, but whose weights are inputs: each by its name, after the frame, in the network's own order.

    Raises: TutorialError when the package onnx is not installed.
    """
    _need_onnx()
    # Two that hold the same numbers, as norms do before any training, would become one input.
    random, different = torch.Generator().manual_seed(0), copy.deepcopy(network).cpu()
    for part in different.parameters():
        part.data = torch.rand(part.shape, generator=random)
    return _traced(different, export_params=False)


def _need_onnx() -> None:
    if importlib.util.find_spec("onnx") is None:
        raise TutorialError("An export needs onnx: pip install 'optical-flow-distillation[fast]', or -e '.[fast]'.")


def _traced(network: nn.Module, **options: bool) -> bytes:
    frame = torch.rand(1, 3, 64, 96, device=_device(network))
    images = _images(network, frame)
    names, written = INPUTS[:len(images)], io.BytesIO()
    sizes = {name: {0: "frames", 2: "height", 3: "width"} for name in (*names, "painted")}
    # The tracer speaks at length of sizes that become constants; that none does is what the tests show.
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, images, written, input_names=[*names], output_names=["painted"], dynamic_axes=sizes,
            opset_version=OPSET, dynamo=False, **options,
        )
    return written.getvalue()


def _images(network: Engine | nn.Module, frame: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """What a network is called with for a first frame."""
    return (frame, *blank_past(frame)) if getattr(network, "uses_flow", False) else (frame,)


def blank_past(frame: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What a teacher with flow sees where there is no past."""
    return torch.zeros_like(frame), torch.zeros_like(frame[:, :1])


def _with_a_past(paint: Paint) -> Paint:
    return lambda frame, *past: paint(frame, *(past or blank_past(frame)))


def _autocast(network: nn.Module) -> Paint:
    device = _device(network).type

    def paint(*images: torch.Tensor) -> torch.Tensor:
        with torch.autocast(device, torch.bfloat16):
            return network(*images)

    return paint


def _onnxruntime(graph: bytes, threads: int) -> Paint:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Threads that spin between two frames take the processor from the decoder and the encoder.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def paint(*images: torch.Tensor) -> torch.Tensor:
        given = {name: image.numpy() for name, image in zip(INPUTS, images, strict=False)}
        return torch.from_numpy(session.run(None, given)[0])

    return paint


def _openvino(graph: bytes, name: str, threads: int) -> Paint:
    import openvino

    precision = "bf16" if name.endswith("bfloat16") else "f32"
    core = openvino.Core()
    model = core.compile_model(core.read_model(graph), "CPU", {
        "INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads})

    def paint(*images: torch.Tensor) -> torch.Tensor:
        # A copy: OpenVINO writes the next answer into the same memory.
        return torch.from_numpy(model([image.numpy() for image in images])[0].copy())

    return paint
