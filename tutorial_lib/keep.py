"""What a notebook trains is kept: after a restart of its kernel, "run all" goes on from there.

    student, history = keep(training.distill)(start, targets, judge, settings, steps=60)

or `@keep` above a function of the notebook's own. What is asked for again in just the same way comes from
`build/kept`, and a line says so, since then nothing was trained, and a clock tells nothing. Just the same is: the
library's code, PyTorch, the function's own code with that of the notebook's functions that it calls, and all that it is
given. Whatever cannot be told from something else of its kind is refused.
"""

import dis
import functools
import hashlib
import inspect
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType

import numpy as np
import torch

from tutorial_lib import checkpoint
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import atomic_path, read_json, sha256_of, write_json
from tutorial_lib.settings import build_folder, device, precision

SAVE_EVERY = 10     # steps of a training: as many are lost at most when a kernel dies
PLAIN = (type(None), type(...), bool, int, float, complex, str, bytes, range, slice, Path, torch.dtype, torch.device,
         torch.Size)
LIBRARY = Path(__file__).parent


@functools.cache
def library() -> str:
    """What tells this version of the library and of PyTorch from others."""
    code = "".join(sha256_of(path) for path in sorted(LIBRARY.rglob("*.py")))
    return f"{hashlib.sha256(code.encode()).hexdigest()} {torch.__version__}"


library()       # now, as it is imported: what is written to its files later does not run in this process


def folder() -> Path:
    return build_folder() / "kept"


def keep(function: Callable) -> Callable:
    """The same function, which takes what it returns from an earlier call where that was just the same.

    A training of the library (a function that takes the `path` of a checkpoint) goes on where it was interrupted, and
    its network and its losses come back. Of another function the whole result is kept: tensors and numbers, in lists
    and dictionaries. Its random numbers are the same at every call, and those of the notebook stay as they are.
    Raises: TutorialError for an input that cannot be told from others.
    """
    takes = inspect.signature(function).parameters
    resumable = "path" in takes or any(part.kind is part.VAR_KEYWORD for part in takes.values())

    @functools.wraps(function)
    def call(*inputs, **options):
        name = function.__name__
        key = fingerprint(library(), precision(device()), function, inputs, sorted(options.items()))
        path = folder() / f"{name}-{key[:16]}{'.safetensors' if resumable else '.pt'}"
        record = path.with_suffix(".json")
        finished = record.is_file() and path.is_file()
        if finished:
            when = read_json(record)["finished"]
            print(f"{name}: taken from an earlier run, of {when}; nothing was computed just now.")
        elif path.is_file() and resumable:
            step = checkpoint.read(path).step
            print(f"{name}: an earlier run was interrupted after {step} steps; it goes on from there.")
        if finished and not resumable:
            return torch.load(path, weights_only=True)
        if resumable:
            options = {"save_every": SAVE_EVERY, **options, "path": path}
            if finished:
                options["bar"] = False
        with torch.random.fork_rng(range(torch.cuda.device_count())):
            torch.manual_seed(0)
            result = function(*inputs, **options)
        if not finished:
            if not resumable:
                with atomic_path(path) as temporary:
                    torch.save(result, temporary)
            write_json(record, {"finished": time.strftime("%d %B %Y, %H:%M")})
        return result

    return call


def fingerprint(*things: object) -> str:
    """What tells values, networks, functions and all that they are made of from others."""
    total = hashlib.sha256()
    for fact in facts(things, {}):
        total.update(len(fact).to_bytes(8, "little") + fact)
    return total.hexdigest()


def facts(value: object, seen: dict[int, object]) -> Iterator[bytes]:
    """Everything about a value, in an order that depends on it alone. seen: what was told already, by its id.

    Raises: TutorialError for a value that does not say what it is made of.
    """
    kind = type(value)
    yield f"{kind.__module__}.{kind.__qualname__}".encode()
    if isinstance(value, CodeType):
        yield from _code(value, seen)
    elif isinstance(value, PLAIN):
        yield repr(value).encode()
    elif isinstance(value, ModuleType):
        yield value.__name__.encode()
    elif id(value) in seen:
        yield str(list(seen).index(id(value))).encode()
    else:
        seen[id(value)] = value         # held, so that no other value gets its id
        yield from _parts(value, seen)


def _parts(value: object, seen: dict[int, object]) -> Iterator[bytes]:
    if isinstance(value, torch.Tensor):
        yield f"{value.dtype} {tuple(value.shape)} {value.device.type} {value.requires_grad}".encode()
        yield value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    elif isinstance(value, np.ndarray):
        yield f"{value.dtype} {value.shape}".encode()
        yield value.tobytes()
    elif isinstance(value, list | tuple):
        yield from _all(value, seen)
    elif isinstance(value, dict):
        yield from _all(value.items(), seen)
    elif isinstance(value, set | frozenset):
        yield from sorted(fingerprint(part).encode() for part in value)
    elif isinstance(value, BuiltinFunctionType | FunctionType | type) and value.__module__ != "__main__":
        yield f"{value.__module__}.{value.__qualname__}".encode()      # the library's, PyTorch's: known by version
    elif isinstance(value, FunctionType):
        named = [(name, value.__globals__[name]) for name in _names(value.__code__) if name in value.__globals__]
        closed = [cell.cell_contents for cell in value.__closure__ or ()]
        yield from _all((value.__code__, value.__defaults__, value.__kwdefaults__, closed, named), seen)
    elif isinstance(value, type):
        own = {name: part for name, part in vars(value).items() if not name.startswith("__") or callable(part)}
        yield from _all((value.__qualname__, value.__bases__, own), seen)
    elif isinstance(value, property):
        yield from _all((value.fget, value.fset), seen)
    elif isinstance(value, staticmethod | classmethod):
        yield from facts(value.__func__, seen)
    elif isinstance(value, MethodType):
        yield from _all((value.__self__, value.__func__), seen)
    elif isinstance(value, functools.partial):
        yield from _all((value.func, value.args, value.keywords), seen)
    else:
        state = value.__getstate__()
        if state is None and not hasattr(value, "__dict__"):
            raise TutorialError(f"keep cannot tell one {type(value).__name__} from another; give what it is made from.")
        yield from _all((type(value), state), seen)


def _all(values: object, seen: dict[int, object]) -> Iterator[bytes]:
    parts = list(values)
    yield str(len(parts)).encode()
    for part in parts:
        yield from facts(part, seen)


def _code(code: CodeType, seen: dict[int, object]) -> Iterator[bytes]:
    """What a function does, wherever it stands and whatever its comments say."""
    yield code.co_code
    yield from _all((code.co_names, code.co_varnames, code.co_freevars, code.co_consts), seen)


def _names(code: CodeType) -> list[str]:
    """The names that a function, or one within it, looks up outside itself."""
    own = {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return sorted(own.union(*(_names(part) for part in code.co_consts if isinstance(part, CodeType))))
