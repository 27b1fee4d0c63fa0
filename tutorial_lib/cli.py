"""The command line: `python -m tutorial_lib stylize | upscale | evaluate | train | export | doctor`.

What a command needs is imported inside it, so that --help answers at once.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tutorial_lib import __version__
from tutorial_lib.arguments import from_zero, seed, whole
from tutorial_lib.errors import TutorialError, run
from tutorial_lib.papers.ofd.roles import OURS, POCKET, ROLES, ZOO
from tutorial_lib.papers.std.roles import UPSCALER

if TYPE_CHECKING:
    from tutorial_lib.film import FilmReport

ALSO = {"distill": OURS}     # what Algorithm 1 is for
# Of the networks that ship. Of anybody's own nothing is known.
LICENCE = "MIT; the perceptual network behind it was distilled from SqueezeNet 1.0 (BSD)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0, 2 after a bad input (one sentence on stderr), 130 after Ctrl-C."""
    def command() -> None:
        args = parser().parse_args(arguments)
        args.command(args)

    return run(command)


def parser() -> argparse.ArgumentParser:
    """The arguments of all commands; each sets `command` to its function."""
    root = argparse.ArgumentParser(
        prog="python -m tutorial_lib", description="Optical flow distillation: steady video style transfer."
    )
    root.add_argument("--version", action="version", version=__version__)
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    _add_stylize(commands)
    _add_upscale(commands)
    _add_evaluate(commands)
    _add_train(commands)
    _add_export(commands)
    command = commands.add_parser("doctor", help="what this machine has and which scale fits it")
    command.set_defaults(command=doctor)
    return root


def stylize(args: argparse.Namespace) -> None:
    """Writes a stylized video and says what was written."""
    from tutorial_lib import zoo
    from tutorial_lib.settings import style
    from tutorial_lib.stylize import stylize_video

    name = args.network
    if name is None:
        name = zoo.student_of(style() if args.style is None else args.style)
    network = zoo.load(name)
    report = stylize_video(network, args.source, args.target, flow_method=args.flow, overwrite=args.overwrite,
                           engine=args.engine, size=args.size)
    print(_written(args.target, report, f"{name} in {report.engine}"))
    if report.padded:
        print("The source has an odd side, which H.264 cannot hold; one pixel was added at that edge.")


def upscale(args: argparse.Namespace) -> None:
    """Writes a video at four times the size and says what was written, and for which small pictures it was made."""
    from tutorial_lib import zoo
    from tutorial_lib.data.degradation import WORDS
    from tutorial_lib.upscale import upscale_video

    name = zoo.upscaler() if args.network is None else args.network
    network, undone = zoo.load(name, "upscale"), zoo.degradation_of(name)
    report = upscale_video(network, args.source, args.target, overwrite=args.overwrite)
    print(_written(args.target, report, name))
    if undone in WORDS:
        print(f"The network was trained to undo {undone}, {WORDS[undone]}; it expects no other small pictures.")
    else:
        print("The network's file does not say which degradation it was trained to undo.")


def _written(target: str, report: FilmReport, maker: str) -> str:
    sound = {"none": "no sound", "copied": "sound copied", "encoded": "sound encoded as AAC"}[report.audio]
    size, seconds = f"{report.width}x{report.height}", f"{report.seconds:.1f} s"
    count = "1 frame" if report.frames == 1 else f"{report.frames} frames"
    return f"{target}: {count} of {size} by {maker}, {sound}; {seconds}."


def evaluate(args: argparse.Namespace) -> None:
    """Prints the table of stability and fidelity, and writes it as JSON if a file is given."""
    from tutorial_lib import zoo
    from tutorial_lib.evaluation import report
    from tutorial_lib.files import atomic_path
    from tutorial_lib.settings import scale

    if args.output:
        _refuse_existing(args.output, args.overwrite)
    names = args.network or [name for name in zoo.names() if zoo.style_of(name)]
    rows = report.evaluate_networks(names, args.sintel, scale(args.scale), args.pass_name)
    print(report.format_table(rows))
    if args.output:
        with atomic_path(args.output) as temporary:
            temporary.write_text(json.dumps(rows, indent=1) + "\n")


def train(args: argparse.Namespace) -> None:
    """Trains one role of the course and says what it wrote."""
    from tutorial_lib.settings import scale
    from tutorial_lib.train import train as train_role

    lambdas = {f"lambda_{term}": getattr(args, f"lambda_{term}") for term in ("res", "temp", "rank")}
    settings = scale(args.scale)
    train_role(
        ALSO.get(args.role, args.role), args.style,
        settings.but(seed=settings.seed if args.seed is None else args.seed), args.output, args.steps, args.videos,
        {"teacher-flow": args.teacher_flow, "teacher-plain": args.teacher_plain, "start": args.start},
        {name: value for name, value in lambdas.items() if value is not None},
    )
    print(f"{args.output} is written; try it with: python -m tutorial_lib stylize IN OUT --network {args.output}")


def export(args: argparse.Namespace) -> None:
    """Writes a network as ONNX and says what it takes."""
    from tutorial_lib import engines, zoo

    _refuse_existing(args.target, args.overwrite)
    network, known = zoo.load(args.network), zoo.manifest(args.network)
    ships = zoo.path_of(args.network).parent.resolve() == zoo.FOLDER.resolve()
    about = {"network": Path(args.network).stem, "style": known.get("style") or "", "licence": LICENCE if ships else "",
             "settings": json.dumps(known["settings"]), "configuration": json.dumps(network.configuration)}
    engines.export(network, args.target, about)
    inputs = engines.INPUTS if network.uses_flow else engines.INPUTS[:1]
    print(f"{args.target} is written: {', '.join(inputs)} -> painted, of any height and width from 16 pixels up.")


def _refuse_existing(target: Path, overwrite: bool) -> None:
    if target.is_dir():
        raise TutorialError(f"{target} is a folder; give the name of a file.")
    if target.exists() and not overwrite:
        raise TutorialError(f"{target} exists already; choose another name, or replace it with --overwrite.")


def doctor(args: argparse.Namespace) -> None:
    """Prints what this machine has and which scale fits it."""
    from tutorial_lib.doctor import report

    print(report())


def _add_stylize(commands) -> None:
    command = commands.add_parser(
        "stylize",
        help="stylize a video",
        description="Stylizes a video. Sound, size, orientation and time stamps stay. "
        "After an interruption the same command goes on where it stopped.",
    )
    command.add_argument("source", metavar="IN", help="a video file, or a folder of numbered pictures")
    command.add_argument("target", metavar="OUT", help="the video to write: .mp4, .mov or .mkv")
    which = command.add_mutually_exclusive_group()
    which.add_argument("--style", metavar="STYLE", help=f"a style of the zoo: means the network STYLE-{POCKET}, or "
                       f"STYLE-{OURS} where the zoo has none (default: OFD_STYLE, else mosaic)")
    which.add_argument("--network", metavar="NAME_OR_FILE", help="a network of the zoo, or a .safetensors file")
    command.add_argument(
        "--flow", metavar="METHOD",
        help="for a teacher with flow: dis, dis-fast, dis-ultrafast, or deepflow where OpenCV "
        "has it (default: dis)",
    )
    command.add_argument("--engine", metavar="ENGINE", default="auto",
                         help="what computes the network: torch, torch-bfloat16, onnxruntime, openvino, "
                         "openvino-bfloat16, compile, or auto for the fastest here (default: %(default)s)")
    command.add_argument("--size", metavar="N", type=whole(1), help="paint at N pixels on the longer side, for larger "
                         "or finer strokes; OUT keeps the size of IN")
    command.add_argument("--overwrite", action="store_true", help="replace OUT if it exists, and throw away what an "
                         "interrupted run with another style or network has finished of it")
    command.set_defaults(command=stylize)


def _add_upscale(commands) -> None:
    command = commands.add_parser(
        "upscale",
        help="make a video four times as large",
        description="Writes a video at four times the size. Sound, orientation and time stamps stay. "
        "After an interruption the same command goes on where it stopped.",
    )
    command.add_argument("source", metavar="IN", help="a video file, or a folder of numbered pictures")
    command.add_argument("target", metavar="OUT", help="the video to write: .mp4, .mov or .mkv")
    command.add_argument("--network", metavar="NAME_OR_FILE",
                         help=f"a network of the zoo, or a .safetensors file (default: {UPSCALER})")
    command.add_argument("--overwrite", action="store_true", help="replace OUT if it exists, and throw away what an "
                         "interrupted run with another network has finished of it")
    command.set_defaults(command=upscale)


def _add_evaluate(commands) -> None:
    command = commands.add_parser("evaluate", help="measure stability and fidelity, as the paper's tables do")
    command.add_argument(
        "--network", metavar="NAME_OR_FILE", nargs="+", default=[], help="default: every network of the zoo that paints"
    )
    command.add_argument(
        "--sintel", metavar="ROOT", type=Path,
        help="a folder in MPI Sintel's layout; without it, the rendered scenes",
    )
    _add_scale(command)
    command.add_argument(
        "--pass", dest="pass_name", choices=("clean", "final"), default="final",
        help="which rendering of the scenes (default: %(default)s)",
    )
    command.add_argument("--output", metavar="FILE.json", type=Path, help="write the table as data, too")
    command.add_argument("--overwrite", action="store_true", help="replace FILE.json if it exists")
    command.set_defaults(command=evaluate)


def _add_train(commands) -> None:
    command = commands.add_parser(
        "train", help="train one network; an interrupted training goes on",
        description="Trains one network by its role. A style of your own takes four: teacher-plain, teacher-flow, "
        f"student-plain, and then distill (the same as {OURS}), or any other student. The losses of steadiness are as "
        "strong as the style needs: the scale's lambdas, times a factor that is measured on its plain teacher. A "
        "lambda that you give is taken as it is.",
    )
    command.add_argument("role", metavar="ROLE", choices=(*ROLES, *ALSO),
                         help=f"{', '.join(ZOO)}, or distill; or any recipe of data_scripts/train_zoo.py")
    command.add_argument("--style", metavar="STYLE", required=True, help="a style's name, or any picture")
    _add_scale(command)
    command.add_argument("--output", metavar="FILE", type=Path, required=True, help="the .safetensors file to write")
    command.add_argument("--steps", metavar="N", type=whole(1), help="default: the scale's")
    command.add_argument("--seed", metavar="N", type=seed, help="default: the scale's")
    for term, meaning, usual in (("res", "residual", "times what the style needs"),
                                 ("temp", "temporal", "times what the style needs"), ("rank", "low-rank", "as it is")):
        command.add_argument(f"--lambda-{term}", metavar="X", type=from_zero,
                             help=f"weight of the {meaning} loss; default: the role's or the scale's, {usual}")
    command.add_argument(
        "--videos", metavar="PATH", type=Path, help="a folder of videos, or of prepared tuples "
        "(data_scripts/download_hollywood2.py), to train on instead of rendered clips"
    )
    command.add_argument("--teacher-flow", metavar="FILE", help="students: the teacher that uses flow (or a name)")
    command.add_argument("--teacher-plain", metavar="FILE", help="teacher-flow and students: "
                         "the teacher without flow (or a name)")
    command.add_argument("--start", metavar="FILE", help="students: the plain student to start from (or a name)")
    command.set_defaults(command=train)


def _add_export(commands) -> None:
    command = commands.add_parser("export", help="write a network as ONNX, for other programs")
    command.add_argument("network", metavar="NAME_OR_FILE", help="a network of the zoo, or a .safetensors file")
    command.add_argument("target", metavar="OUT.onnx", type=Path)
    command.add_argument("--overwrite", action="store_true", help="replace OUT.onnx if it exists")
    command.set_defaults(command=export)


def _add_scale(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--scale", metavar="SCALE", help="smoke, laptop, colab or paper (default: OFD_SCALE, else laptop)"
    )
