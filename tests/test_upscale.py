"""A film made four times as large: every frame once and in order, gone on with to the last bit, in little memory."""

import shutil
import weakref
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from films import film, onset, picture, read_frames, sound_of, stamps

from tutorial_lib import checkpoint, upscale, zoo
from tutorial_lib import film as making
from tutorial_lib.cli import main
from tutorial_lib.data.images import to_tensor, write_image
from tutorial_lib.data.video import VideoWriter, open_video
from tutorial_lib.errors import TutorialError
from tutorial_lib.film import FilmReport
from tutorial_lib.networks import superres
from tutorial_lib.networks.superres import Bidirectional, Recurrent, Stacked
from tutorial_lib.networks.teacher import Teacher
from tutorial_lib.papers.std.roles import MEMORY
from tutorial_lib.papers.std.settings import scale
from tutorial_lib.papers.std.stages import new_student
from tutorial_lib.stylize import stylize_video
from tutorial_lib.upscale import upscale_video

KINDS = (Stacked, Recurrent, Bidirectional)
NAMES = [kind.kind for kind in KINDS]


def strong(kind, seed=0):
    """A network whose features are seen in what it makes; a new one adds next to nothing to the bicubic enlargement."""
    torch.manual_seed(seed)
    network = kind(4, 1, 4).eval().requires_grad_(False)
    network.tail.out.weight *= 20
    return network


def make(path, count=20, height=24, width=32, **options):
    return film(path, [picture(n, height, width) for n in range(count)], **options)


def run(network, source, target, **options):
    return upscale_video(network, source, target, device="cpu", progress=False, **options)


def in_memory(network, source):
    return torch.stack(list(network.stream(read_frames(source))))


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    monkeypatch.setattr(upscale, "SEGMENT", 8)


@pytest.fixture(params=KINDS, ids=NAMES)
def network(request):
    return strong(request.param)


def test_segments_end_where_windows_do():
    """Or a film that is gone on with would not be the same."""
    for network in (*map(strong, KINDS), Bidirectional(4, 1, 4, length=7), Bidirectional(4, 1, 4, length=3)):
        segment = upscale._Enlarger(network, torch.device("cpu")).segment
        assert segment % network.at_once == 0 and 0 < segment <= upscale.SEGMENT


# --- what comes out ---


def test_a_film_is_four_times_as_large_and_keeps_times_and_sound(tmp_path, network):
    times = [Fraction(n * n + n, 300) for n in range(20)]
    source, target = make(tmp_path / "in.mp4", times=times, audio="aac"), tmp_path / "new" / "out.mp4"
    report = run(network, source, target)
    assert report == FilmReport(20, report.seconds, 128, 96, False, "copied") and report.seconds > 0
    assert stamps(target) == times
    assert abs(onset(sound_of(target)) - onset(sound_of(source))) < 0.001
    assert [path.name for path in target.parent.iterdir()] == ["out.mp4"]


@pytest.fixture
def written(monkeypatch):
    """What is given to the writer, before it is compressed."""
    found, write = [], making._write
    monkeypatch.setattr(making, "_write", lambda writer, output, time: found.append(output) or write(
        writer, output, time))
    return found


def test_every_frame_is_there_once_and_in_its_place(tmp_path, network, written):
    source = make(tmp_path / "in.mp4")
    run(network, source, tmp_path / "out.mp4")
    wanted = in_memory(network, source)
    assert torch.equal(torch.cat(written), wanted)
    made = read_frames(tmp_path / "out.mp4")
    assert made.shape == wanted.shape == (20, 3, 96, 128)
    away = (made[:, None] - wanted[None]).abs().mean((2, 3, 4))             # (20, 20)
    assert away.argmin(1).tolist() == list(range(20)) and away.diagonal().max() < 0.04


def test_what_the_student_remembers_goes_through_the_whole_film(tmp_path, written):
    """Also from one segment into the next."""
    network = strong(Recurrent)
    source = make(tmp_path / "in.mp4", 12)
    run(network, source, tmp_path / "out.mp4")
    whole = superres.upscale(network, read_frames(source))
    assert torch.allclose(torch.cat(written), whole, atol=1e-5)
    forgetful = superres.upscale(network, read_frames(source)[8:])
    assert (forgetful[0] - whole[8]).abs().mean() > 1e-3


def test_what_lies_beside_the_teachers_windows_is_looked_at():
    """At their borders the film is nearer to what it is when all is seen at once than without that."""
    network, seeing = strong(Bidirectional), strong(Bidirectional)
    for body in (network.back, network.forth, seeing.back, seeing.forth):
        body[0].weight[:, 3:] *= 0.2        # what is fed back fades, as in a network that was trained
    seeing.length = 24
    frames = torch.cat([to_tensor(picture(n, 24, 32)) for n in range(24)])
    whole = superres.upscale(seeing, frames)
    borders = [2, 3, 5, 6, 8, 9, 11, 12]
    away = (torch.stack(list(network.stream(frames))) - whole).abs().mean((1, 2, 3))[borders].mean()
    network.behind = network.ahead = 0
    alone = (torch.stack(list(network.stream(frames))) - whole).abs().mean((1, 2, 3))[borders].mean()
    assert alone > 1e-4 and away < 0.6 * alone


def test_pixels_that_are_not_square_stay_so(tmp_path):
    with VideoWriter(tmp_path / "in.mp4", 32, 24, Fraction(25), Fraction(16, 15)) as output:
        for n in range(2):
            output.write(to_tensor(picture(n, 24, 32)), Fraction(n, 25))
    run(strong(Stacked), tmp_path / "in.mp4", tmp_path / "out.mp4")
    assert open_video(tmp_path / "out.mp4").pixel_aspect == Fraction(16, 15)


def test_a_turned_phone_video_comes_out_upright(tmp_path):
    source = make(tmp_path / "in.mp4", 2, turn=90)
    report = run(strong(Stacked), source, tmp_path / "out.mp4")
    assert (report.width, report.height) == (96, 128)
    made = read_frames(tmp_path / "out.mp4")
    assert (made - in_memory(strong(Stacked), source)).abs().mean() < 0.04


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 13)])
def test_folders_of_tiny_pictures_and_one_picture(tmp_path, network, height, width):
    for number in range(3):
        write_image(tmp_path / "in" / f"{number}.png", to_tensor(picture(number)[:height, :width]))
    report = run(network, tmp_path / "in", tmp_path / "out.mp4")
    assert report == FilmReport(3, report.seconds, 4 * width, 4 * height, False, "none")
    assert run(network, tmp_path / "in" / "0.png", tmp_path / "one.mp4").frames == 1


def test_length_costs_no_memory(tmp_path, network, monkeypatch):
    """Frames of the source that are held at once: a window with what is beside it, and what is read ahead."""
    alive, most = weakref.WeakSet(), [0]
    prepared, write = upscale._Enlarger.prepared, making._write

    def noted(self, image):
        image = prepared(self, image).clone()
        alive.add(image)
        return image

    def counting(*frame):
        most[0] = max(most[0], len(alive))
        write(*frame)

    monkeypatch.setattr(upscale._Enlarger, "prepared", noted)
    monkeypatch.setattr(making, "_write", counting)
    run(network, make(tmp_path / "in.mp4", 70, 8, 8), tmp_path / "out.mp4")
    assert 0 < most[0] <= superres.WINDOW + network.behind + network.ahead + 10


# --- interruption ---


def interrupt(monkeypatch, at):
    """Ctrl-C when frame `at` of a run is about to be written."""
    written, write = [], making._write

    def interrupted(*frame):
        written.append(frame)
        if len(written) == at:
            raise KeyboardInterrupt
        write(*frame)

    monkeypatch.setattr(making, "_write", interrupted)


@pytest.mark.parametrize("count", [20, 18, 17])
def test_a_film_is_gone_on_with_to_the_last_bit(tmp_path, network, count):
    """Twice interrupted; also where the last segment is shorter than what the teacher looks back."""
    source, target = make(tmp_path / "in.mp4", count), tmp_path / "out.mp4"
    run(network, source, tmp_path / "straight.mp4")
    segment = upscale._Enlarger(network, torch.device("cpu")).segment
    for kept in (segment, 2 * segment):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt, match=f"about {kept} frames"):
            interrupt(patch, 9)
            run(network, source, target)
    assert not target.exists()
    made, tail = [], network.tail.forward
    network.tail.forward = lambda *inputs: made.append(1) or tail(*inputs)
    assert run(network, source, target).frames == count
    assert len(made) == count - 2 * segment
    assert target.read_bytes() == (tmp_path / "straight.mp4").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4", "straight.mp4"]


def test_ctrl_c_at_the_very_end(tmp_path, network, monkeypatch):
    source, target = make(tmp_path / "in.mp4", 10), tmp_path / "out.mp4"

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(making, "join_videos", interrupted)
        run(network, source, target)
    network.tail.forward = None                              # nothing is left to be made
    assert run(network, source, target).frames == 10


def test_what_another_command_or_network_has_begun_is_not_lost(tmp_path, monkeypatch):
    source, target = make(tmp_path / "in.mp4", 12), tmp_path / "out.mp4"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, 9)
        run(strong(Recurrent), source, target)
    kept = {path.name: path.read_bytes() for path in (tmp_path / ".out.mp4.parts").iterdir()}
    assert {"000000.mp4", "000000.safetensors", "job.json"} == set(kept)
    for other in (strong(Recurrent, 1), strong(Stacked)):
        with pytest.raises(TutorialError, match="begun with another network, and about 8 frames of it are done"):
            run(other, source, target)
    with pytest.raises(TutorialError, match="begun with another style or network, and about 8 frames of it are done"):
        stylize_video(Teacher(4, 1, uses_flow=False).eval(), source, target, device="cpu", progress=False)
    assert {path.name: path.read_bytes() for path in (tmp_path / ".out.mp4.parts").iterdir()} == kept
    assert run(strong(Stacked), source, target, overwrite=True).frames == 12


def test_one_run_writes_a_film(tmp_path):
    source, target, network = make(tmp_path / "in.mp4", 3), tmp_path / "out.mp4", strong(Recurrent)
    steps = network.steps

    def meanwhile(*arguments):
        with pytest.raises(TutorialError, match="Another run is writing"):
            run(strong(Recurrent), source, target, overwrite=True)
        yield from steps(*arguments)

    network.steps = meanwhile
    assert run(network, source, target).frames == 3


# --- what cannot be ---


def test_a_target_is_never_lost(tmp_path):
    source, target = make(tmp_path / "in.mp4", 2), tmp_path / "out.mp4"
    target.write_text("precious")
    for given, sentence in ((target, "exists already"), (source, "is the source itself"),
                            (tmp_path / "out.gif", r"should end in \.mp4")):
        with pytest.raises(TutorialError, match=sentence):
            run(strong(Recurrent), source, given)
    assert target.read_text() == "precious"
    assert run(strong(Recurrent), source, target, overwrite=True).frames == 2


def test_frames_that_h264_cannot_hold_are_said_before_anything_is_made(tmp_path, monkeypatch):
    enlarger = upscale._Enlarger(strong(Recurrent), torch.device("cpu"))
    hd, uhd = (SimpleNamespace(path=Path("a.mp4"), height=height, width=width)
               for height, width in ((1080, 1920), (2160, 3840)))
    assert enlarger.size(hd) == (4320, 7680)
    with pytest.raises(TutorialError, match=r"a\.mp4 of 3840x2160 pixels would become 15360x8640, more than H\.264"):
        enlarger.size(uhd)
    monkeypatch.setattr(upscale, "MOST", 47)                 # 128x96 pixels are 48 macroblocks
    with pytest.raises(TutorialError, match="would become 128x96"):
        run(strong(Recurrent), make(tmp_path / "in.mp4", 2), tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_a_network_that_gives_no_numbers_makes_no_film(tmp_path, network):
    network.tail.out.bias[1] = float("nan")
    with pytest.raises(TutorialError, match=r"At 0\.00 s the network gives values that are no numbers"):
        run(network, make(tmp_path / "in.mp4", 3), tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


# --- the command line ---


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A zoo with a network of each paper, and a film."""
    monkeypatch.setenv("OFD_DEVICE", "cpu")
    folder = tmp_path / "own"
    folder.mkdir()
    for name, network in (("sr-recurrent-both", strong(Recurrent)), ("sr-teacher", strong(Bidirectional))):
        checkpoint.save(folder / f"{name}.safetensors", network,
                        {"network": network.configuration, "scale": scale("smoke").but(degradation="BD").as_dict()})
    monkeypatch.setenv("OFD_ZOO", str(folder))
    return make(tmp_path / "in.mp4", 3)


@pytest.mark.parametrize(("options", "name"), [
    ([], "sr-recurrent-both"), (["--network", "sr-teacher"], "sr-teacher"),
])
def test_upscale_says_what_it_wrote_and_for_which_small_pictures(tmp_path, own, capsys, options, name):
    target = tmp_path / "out.mp4"
    assert main(["upscale", str(own), str(target), *options]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"{target}: 3 frames of 128x96 by {name}, no sound; ")
    assert said[1].startswith("The network was trained to undo BD, Gaussian blur")
    wanted = in_memory(zoo.load(name, "upscale"), own)
    assert (read_frames(target) - wanted).abs().mean() < 0.04
    assert main(["upscale", str(own), str(target), *options]) == 2
    assert main(["upscale", str(own), str(target), *options, "--overwrite"]) == 0


def test_the_degradation_stands_in_the_manifest_or_nowhere(tmp_path, own, capsys):
    path = tmp_path / "own" / "sr-teacher.safetensors"
    network = new_student("stacked", scale("smoke"))
    checkpoint.save(tmp_path / "bare.safetensors", network, {"network": network.configuration})
    assert main(["upscale", str(own), str(tmp_path / "out.mp4"), "--network", str(tmp_path / "bare.safetensors")]) == 0
    assert "does not say which degradation" in capsys.readouterr().out
    assert zoo.degradation_of("sr-teacher") == zoo.degradation_of(path) == "BD"


def test_a_network_of_one_paper_given_to_the_others_command(tmp_path, own, capsys):
    shutil.copy(zoo.FOLDER / "mosaic-student-ours.safetensors", tmp_path / "own" / "rare-student-ours.safetensors")
    fitting = ", ".join(name for name in zoo.names() if name.startswith("sr-") and name != MEMORY)
    assert "sr-teacher" in fitting and "sr-recurrent-both" in fitting
    for command, network, said in (
        ("upscale", "rare-student-ours",
         f"rare-student-ours paints; give a network that makes videos larger: {fitting}."),
        ("stylize", "sr-teacher", "sr-teacher makes videos larger; give a network that paints: "),
    ):
        assert main([command, str(own), str(tmp_path / "out.mp4"), "--network", network]) == 2
        error = capsys.readouterr().err
        assert said in error and error.count("\n") == 1 and ("rare-student-ours" in error)
    assert not (tmp_path / "out.mp4").exists()


def test_a_zoo_without_such_a_network_says_how_to_train_one(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(zoo, "names", lambda: ["mosaic-student-ours"])
    source = make(tmp_path / "in.mp4", 2)
    for options, said in (([], "The zoo holds no sr-recurrent-both yet; train it with python data_scripts/train_zoo.py "
                               "--paper std --only sr-recurrent-both, and give the file"),
                          (["--network", "mosaic-student-ours"], "larger: there is none yet, python data_scripts/")):
        assert main(["upscale", str(source), str(tmp_path / "out.mp4"), *options]) == 2
        error = capsys.readouterr().err
        assert said in error and error.count("\n") == 1
