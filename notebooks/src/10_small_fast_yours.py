# %% [markdown]
# # 10. Small, fast, yours
#
# **You will be able to**
# - say what a frame costs, and fold pixels into channels by hand;
# - choose the size of a network by a table of speed and scores;
# - time two programs fairly, and say whether they paint the same picture;
# - paint live, and train all four networks on a picture of your own.
#
# **You need** notebooks 00 to 08.
# **Time**: about 90 minutes to read and work. Every cell together runs about 1 minute on a laptop without a GPU.
# The scale is set by the variable `OFD_SCALE` (default `laptop`).
#
# [Back: 9. Space-time distillation](09_space_time_distillation.ipynb)

# %%
import shutil
import statistics
import time
from functools import partial
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from IPython.display import Markdown

from tutorial_lib import checks, engines, evaluation, settings as config, speed, timing, training, workshop, zoo
from tutorial_lib.data.clips import RenderedClips, filmed
from tutorial_lib.data.images import fit_longer_side, read_image, write_image
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.data.styles import paint
from tutorial_lib.data.video import open_video

# %%
from tutorial_lib.files import read_json
from tutorial_lib.networks.pocket import FOLD, Pocket
from tutorial_lib.papers import ROLES
from tutorial_lib.papers.ofd.roles import POCKET
from tutorial_lib.show import figures, players
from tutorial_lib.show.diagrams import pocket
from tutorial_lib.show.live import Live
from tutorial_lib.stylize import stylize_clip, stylize_video

settings, device, style = config.scale(), config.device(), config.style()
name = zoo.student_of(style)                          # the pocket student, where the zoo has one in this style
network = zoo.load(name).to(device)
screen = ROLES[POCKET].recipe.scale(settings)         # the sizes that the pocket students are made for
scene = filmed(test_scene("market_6", screen.evaluation_height, screen.evaluation_width, 2))
frame = scene.frames[:1].to(device)
print(f"Scale: {settings.name}, network: {name}, frames of {frame.shape[-1]}x{frame.shape[-2]}")

# %% [markdown]
# ## 1. What a frame costs
#
# A film has about 25 frames a second: 40 milliseconds for each, and a camera does not wait. Notebook 08 counted what a convolution
# costs: every weight is used once at every place of the output. By hand, for a layer of 3 x 3 from 8 maps to 8:
#
# **Predict, then run.** The same layer, on maps of a quarter of the height and width. How many times cheaper?

# %%
weights = 3 * 3 * 8 * 8
for words, height, width in (("at full size", 8, 12), ("at a quarter", 2, 3)):
    print(f"{words}: {weights} weights x {height} x {width} places = {weights * height * width:6,} multiply-adds")

# %% [markdown]
# So the *place* of a layer decides, more than its weights. Where do the two students of this course work? The student of the paper's
# kind, and the *pocket student*, which sections 2 and 3 explain. Speed needs no training: random weights will do.

# %%
def by_place(network, frame):
    """{how many times smaller than the frame a layer's output is: the multiply-adds of such layers}."""
    found = {}
    def add(layer, _, output):
        smaller = round(frame.shape[-1] / output.shape[-1])
        found[smaller] = found.get(smaller, 0) + layer.weight.numel() * output.shape[-1] * output.shape[-2]
    hooks = [layer.register_forward_hook(add) for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)]
    with torch.no_grad():
        network(frame)
    for hook in hooks:
        hook.remove()
    return found


students = {"student": training.new_student(settings), "pocket student": training.new_pocket(settings)}
costs = {words: by_place(student.eval(), frame.cpu()) for words, student in students.items()}
PLACES = {1: "at full size", 2: "at a half", 4: "at a quarter"}
for words, found in costs.items():
    parameters = sum(p.numel() for p in students[words].parameters())
    print(f"{words:15} {parameters / 1e3:5.0f} k parameters, {sum(found.values()) / 1e9:.3f} G multiply-adds a frame: "
          + ", ".join(f"{found.get(part, 0) / sum(found.values()):.0%} {place}" for part, place in PLACES.items()))
for words, found in costs.items():
    assert sum(found.values()) == speed.multiply_adds(students[words], frame.cpu()), words

# %%
parts = {f"{words}, {place}": costs[words].get(part, 0) / 1e9 for words in costs for part, place in PLACES.items()}
figures.show(
    figures.bars(parts, "G multiply-adds a frame"),
    "Where the multiply-adds are spent. Look at the full size: what does the pocket student do there?",
    "Six bars: multiply-adds of the student and of the pocket student, at full size, at a half and at a quarter.")

# %% [markdown]
# **Question.** Which layer costs more: 9 x 9 from 3 maps to 16 at full size, or 3 x 3 from 64 maps to 64 at a quarter of height and width?
#
# <details><summary>A. The second: it has nearly ten times as many weights.</summary>It has, 36,864 against 3,888. But each of them is
# used at a sixteenth of the places only.</details>
# <details><summary>B. The first: its weights are used at sixteen times as many places.</summary>Right: 3,888 for each pixel of the frame,
# against 36,864 / 16 = 2,304. The student's first layer is such a one, and its last another.</details>
# <details><summary>C. Both the same: what one has in weights, the other has in places.</summary>That would be so at 62,208 weights in the
# second. Work it out: weights times places.</details>

# %% [markdown]
# ## 2. Fold, and nothing is lost
#
# To work at a quarter of the size from the first layer on, one could shrink the frame, and lose its detail. Or *fold* it: cut it into
# squares of factor x factor pixels, and lay the pixels of each square into channels. By hand: one colour, 4 x 4 pixels, a factor of 2.
# Each number names its row and its column.

# %%
toy = torch.tensor([[10.0 * row + column for column in range(4)] for row in range(4)])[None, None]
print("The frame:                 Folded:")
folded = F.pixel_unshuffle(toy, 2)[0]
for row in range(4):
    left = "  ".join(f"{int(value):02}" for value in toy[0, 0, row])
    print(f"  {left}           map {row}:  " + "  /  ".join(
        "  ".join(f"{int(value):02}" for value in line) for line in folded[row]))

# %% [markdown]
# Map 0 has the upper left pixel of every square, map 1 the one to its right, then the second row. With three colours: all maps of red
# first, then those of green, then of blue.
#
# **Yours to write**: `unshuffle`, without `F.pixel_unshuffle`.
#
# <details><summary>Hint 1: one map</summary><code>frames[:, c, i::factor, j::factor]</code> are the pixels in row i and column j of every
# square, of colour c.</details>
# <details><summary>Hint 2: all of them</summary>Three loops, over c, then i, then j, and <code>torch.stack(maps, 1)</code>.</details>
# <details><summary>Hint 3: without loops</summary>Give the place within the square axes of its own:
# <code>reshape(n, c, h // factor, factor, w // factor, factor)</code>. Then <code>permute</code> brings both next to the colours, and a
# second <code>reshape</code> joins the three.</details>

# %%
def unshuffle(frames, factor):
    """Folds pixels into channels: (N, C, H, W) -> (N, C * factor**2, H / factor, W / factor).

    Channel c * factor**2 + i * factor + j holds, of colour c, the pixels in row i and column j of every square.
    """
    ### BEGIN SOLUTION
    n, c, h, w = frames.shape
    squares = frames.reshape(n, c, h // factor, factor, w // factor, factor)     # (n, c, y, i, x, j)
    return squares.permute(0, 1, 3, 5, 2, 4).reshape(n, c * factor**2, h // factor, w // factor)
    ### END SOLUTION


# %% tags=["check"]
checks.unshuffle(unshuffle)

# %% [markdown]
# From here on, PyTorch's own. Its way back is `F.pixel_shuffle`.
#
# **Predict, then run.** A frame of three colours, folded by 4: how many maps? And how alike are two of them, of one colour?

# %%
from torch.nn.functional import pixel_unshuffle as unshuffle

height, width = (side - side % FOLD for side in frame.shape[-2:])
whole = frame[..., :height, :width].cpu()
maps = unshuffle(whole, FOLD)
assert torch.equal(F.pixel_shuffle(maps, FOLD), whole)
first, other = maps[0, 0], maps[0, 5]                  # of red: row 0, column 0, and row 1, column 1 of every square
alike = torch.corrcoef(torch.stack((first.flatten(), other.flatten())))[0, 1]
print(f"{tuple(whole.shape)} -> {tuple(maps.shape)}; two maps of red correlate at {alike:.2f}")
figures.show(
    figures.images({"map 0": first.expand(3, -1, -1), "map 5": other.expand(3, -1, -1),
                    "what differs": (first - other).abs()[None]}, height=1.5),
    "Two of the sixteen maps of red. Look at the edges: there the next pixel says something new.",
    "Two nearly equal small grey frames, and their difference, which is bright at the edges.")

# %% [markdown]
# Sixteen maps that say nearly the same: a first layer can gather in a few dozen channels what matters of them. Everything after it works on
# small maps. At the end the way back: enlarge twofold, and unfold 12 channels into 2 x 2 pixels of three colours.

# %%
figures.show(pocket.draw(students["pocket student"]), pocket.CAPTION, pocket.ALT)

# %% [markdown]
# **Question.** One value behind the pocket student's first convolution: how large a piece of the frame has it seen?
#
# <details><summary>A. 3 x 3 pixels: the kernel is 3 x 3.</summary>3 x 3 <em>places</em>. Each of them holds a whole square of
# pixels.</details>
# <details><summary>B. 4 x 4 pixels: the fold makes one place of them.</summary>That is what one place holds before the convolution, which
# then looks at its neighbours, too.</details>
# <details><summary>C. 12 x 12 pixels.</summary>Right: 3 x 3 places of 4 x 4 pixels. The student's first layer, 9 x 9 pixels at
# full size, sees less.</details>

# %% [markdown]
# Is it free? A square has its place on the screen, and things move across it. Shift the film by one pixel, paint, and shift back: a painter
# that follows things would paint the same.
#
# **Predict, then run.** By how many pixels must one shift, for the painting to come along?

# %%
@torch.inference_mode()
def shifted_error(network, frame, shift, margin=16):
    """How far the painting of a shifted film is from the shifted painting: the mean of |difference|, without borders."""
    width = frame.shape[-1] - shift
    stands, moved = network(frame[..., :width]), network(frame[..., shift:])
    inner = slice(margin, -margin)
    return (stands[..., shift:][..., inner, inner] - moved[..., :width - shift][..., inner, inner]).abs().mean().item()


small = fit_longer_side(frame, min(frame.shape[-1], 360))
shifts = range(1, 9)
errors = {f"by {shift}": shifted_error(network, small, shift) for shift in shifts}
figures.show(
    figures.bars(errors, "mean |difference| after shifting back"),
    "Each bar: the film shifted by so many pixels. Look for the ones that are nearly gone.",
    "Eight bars, one a shift; those of 4 and 8 pixels are far shorter than the others.")
least = sorted(shifts, key=lambda shift: errors[f"by {shift}"])[:2]
print(f"Least at: {least[0]} pixels, then {least[1]}.")

# %% [markdown]
# The strokes hold on to the grid. That is no fault of folding alone: whatever halves its maps twice has a grid of four pixels (exercise 3
# looks at the others). A part of what you have called flicker since notebook 00 is a film that drifts across this grid.

# %% [markdown]
# ## 3. How small can it be?
#
# Pocket students of six sizes, trained like the paper's student: the same teachers, frames, seed and steps. 32x4 is 32 channels and 4 residual
# blocks; *sep* has *depthwise* blocks, a 3 x 3 for each channel by itself and a 1 x 1 that mixes them. Each has a student from scratch as its
# *control*. They are scored on **validation** scenes: the choice of a size is a choice, and test scenes must not make it.

# %%
kept = next((p / "results" / "sizes.json" for p in (Path.cwd(), *Path.cwd().parents)
             if (p / "results" / "sizes.json").is_file()), None)
report = read_json(kept) if kept else {"rows": []}


def percent(row, key, control):
    return f"{row['ours'][key] / control[key] - 1:+.1%}"


lines = ["| size | k parameters | kB | ms a frame | film, f/s | e_stab | style | content | e_stab, of the zoo's |",
         "|---|---:|---:|---:|---:|---:|---:|---:|---:|"]
for row in report["rows"]:
    own = [percent(row, key, row["scratch"]) for key in ("e_stab", "style", "content")]
    lines.append(f"| {row['size']} | {row['parameters'] / 1e3:.0f} | {row['bytes'] / 1e3:.0f} "
                 f"| {1e3 * row['seconds']['torch']:.0f} | {row['film']['frames_per_second']:.0f} | {' | '.join(own)} "
                 f"| {percent(row, 'e_stab', report['rows'][0]['scratch'])} |")
Markdown("\n".join(lines) if kept else "The table is made by `data_scripts/measure_sizes.py`, and is not here.")

# %% [markdown]
# That is one style and one machine, whose name stands below. *ms a frame*: 640x360, by PyTorch. *film*: from file to file, decoding and encoding
# included, by the fastest engine in float32 (section 5). The percentages: ours against the student from scratch of the same size; in the last
# column, against the one of the zoo.
#
# **Predict, then run.** Does a smaller student flicker more? Does it gain less from its teachers?

# %%
ENOUGH = 25                                            # frames a second
if report["rows"]:
    print(f"{report['style']}, {report['scenes']} validation scenes; {report['machine']}")
    figures.show(
        figures.sizes(report["rows"], ENOUGH),
        "Orange: from scratch, green: ours, of one size. Right of the dotted line is real time; lower is steadier.",
        "For each size a column over its speed, from the student from scratch down to ours.")
    pockets = report["rows"][1:]
    fast = [row for row in pockets if row["film"]["frames_per_second"] >= ENOUGH]
    chosen = max(fast or pockets, key=lambda row: row["parameters"])
    steadiest = min(pockets, key=lambda row: row["ours"]["e_stab"])
    apart = steadiest["ours"]["e_stab"] / chosen["ours"]["e_stab"] - 1
    print(f"At least {ENOUGH} frames a second: {', '.join(row['size'] for row in fast) or 'none'}. The largest: {chosen['size']}.")
    print(f"Steadiest: {steadiest['size']}, e_stab {apart:+.1%} against {chosen['size']}.")
    for row in report["rows"]:
        print(f"  {row['size']:16} against its own control: {row['verdict']}")

# %% [markdown]
# The size that ships was chosen by one rule, said beforehand: the largest that paints 25 frames a second, from file to file, in float32. It was
# then trained on larger frames, for larger strokes: the `pocket-` networks of the zoo.
#
# One training of each size is one draw. Between neighbours in the table, believe no difference that another seed could turn (notebook 08).

# %% [markdown]
# **Question.** 64 channels in depthwise blocks have as many weights as 32 in ordinary ones, and not many more multiply-adds. On the
# machine of the table PyTorch takes far longer for them. Why?
#
# <details><summary>A. Depthwise layers do little work for each number that they fetch.</summary>Right: nine products for a value that was
# read and one that is written. The processor waits for its memory. A layer of 32 maps into 32 uses each value that it reads 288 times.</details>
# <details><summary>B. Somebody counted the multiply-adds wrongly.</summary>They are right. They are just not the only thing that takes
# time.</details>
# <details><summary>C. 1 x 1 convolutions cannot run in parallel.</summary>They are one large product of matrices, which runs in parallel
# best of all.</details>

# %% [markdown]
# ## 4. A fair clock
#
# Ten per cent faster: is it true, or was the machine busy? Five runs of one thing, in milliseconds, by hand:

# %%
runs = [90.0, 31.0, 30.0, 70.0, 32.0]
print(f"mean of all five {statistics.mean(runs):.1f}; without the first {statistics.mean(runs[1:]):.1f}; "
      f"median without the first {statistics.median(runs[1:]):.1f}")

# %% [markdown]
# The first run fetches memory and makes plans: it *warms up*, and does not count. In the fourth something else had the processor. The mean
# believes it, the *median* does not. And a machine that becomes warm becomes slow: whoever is timed last loses. So the jobs take *turns*.
#
# **Yours to write**: `fair_times`.
#
# <details><summary>Hint 1: the loops</summary>Outside the rounds, one more than are counted; inside the jobs,
# <code>for name, job in jobs.items()</code>.</details>
# <details><summary>Hint 2: one run</summary><code>began = clock()</code>, then <code>job()</code>, then <code>clock() - began</code>, which goes
# into the list of this job, unless it is the first round.</details>
# <details><summary>Hint 3: the end</summary><code>{name: statistics.median(times) for name, times in seconds.items()}</code></details>

# %%
def fair_times(jobs, rounds, clock=time.perf_counter):
    """The median seconds of each job: {name: seconds}.

    jobs: {name: a function without arguments}. In each round every job runs once, in turn. A first round is not counted;
    `rounds` further ones are. clock(): the time in seconds.
    """
    ### BEGIN SOLUTION
    seconds = {name: [] for name in jobs}
    for turn in range(rounds + 1):
        for name, job in jobs.items():
            began = clock()
            job()
            if turn > 0:
                seconds[name].append(clock() - began)
    return {name: statistics.median(times) for name, times in seconds.items()}
    ### END SOLUTION


# %% tags=["check"]
checks.fair_times(fair_times)

# %% [markdown]
# From here on, `medians`, by the course's own `timing.in_turn`, which also waits for a GPU. A clock is tried on something that one knows: the same job, twice.
#
# **Predict, then run.** How far from 1 will the ratio be?

# %%
def medians(jobs, rounds):
    """{name: median seconds}."""
    return {name: statistics.median(seconds) for name, seconds in timing.in_turn(jobs, rounds, bar=False).items()}


@torch.inference_mode()
def run():
    network(frame)


twice = medians({"once": run, "again": run}, rounds=7)
noise = abs(twice["again"] / twice["once"] - 1)
print(f"The same, against itself: {twice['again'] / twice['once']:.3f}. "
      f"A difference of {noise:.1%} is no difference, here and now.")

# %% [markdown]
# ## 5. Engines
#
# A network is a list of products and sums. PyTorch carries them out as they come. ONNX Runtime and OpenVINO get the whole list first (an
# *ONNX* file), join what can be joined, and choose how to lay out the memory. The weights stay as they are.

# %%
here = engines.installed(device.type)
absent = [engine for engine in engines.AUTOMATIC if engine not in here]
print("Here:", ", ".join(here))
if absent:
    print(f"Not here: {', '.join(absent)}. On a processor they come with pip install -e '.[fast]'; "
          "nothing below needs them.")

# %% [markdown]
# The names that end in `bfloat16` compute with fewer digits. A `float32` has 24 binary digits, and *bfloat16* 8, with the same range: half the memory, and
# processors that know it take twice as many at once.
#
# **Predict, then run.** What becomes of 0.1? Of 100.3? Of 257?

# %%
values = torch.tensor([0.1, 0.5, 0.501, 1.0, 1.003, 100.3, 256.0, 257.0])
for value, rounded in zip(values.tolist(), values.bfloat16().float().tolist(), strict=True):
    print(f"{value:8.3f} -> {rounded:10.5f}   off by {abs(rounded / value - 1):.2%}")
print(f"Between 1 and 2 the steps are 1/{1 / torch.finfo(torch.bfloat16).eps:.0f}, between 1/2 and 1 half of that.")

# %% [markdown]
# **Question.** In bfloat16, what is 256 + 1?
#
# <details><summary>A. 257.</summary>That takes nine binary digits, 100000001, and bfloat16 has eight.</details>
# <details><summary>B. 256.</summary>Right: from 256 on the steps are 2, and 257 lies half-way. A long sum in bfloat16 stops growing. So engines
# multiply in bfloat16 and <em>add</em> in float32, and this course computes losses in float32, too.</details>
# <details><summary>C. Infinity: it is too large.</summary>The range is that of float32, up to about 3 x 10³⁸. It is the digits that are
# missing.</details>

# %% [markdown]
# So how far off is a *painting*? The mean square of the difference, in a unit that spreads small numbers, *decibels*. For pictures from 0 to 1:
#
# $$\mathrm{PSNR}(a, b) = 10\,\log_{10} \frac{1}{\mathrm{mean}\,(a - b)^2}$$
#
# By hand: every pixel off by 1/10, and by 1/100.

# %%
for off in (0.1, 0.01, 0.001):
    logarithm = np.log10(off**2)
    print(f"off by {off}: mean square {off**2:.6f}, its logarithm {logarithm:.0f}, PSNR {-10 * logarithm:.0f} dB; "
          f"{255 * off:.2f} of 255 grey levels")

# %% [markdown]
# A tenth of the error is 20 dB more. The course's limit is **40 dB**: a typical error of a hundredth, two or three grey levels.
#
# **Yours to write**: `psnr`.
#
# <details><summary>Hint 1</summary>One mean over all values, whatever the shape; then one logarithm.</details>
# <details><summary>Hint 2</summary><code>(a - b).square().mean()</code>, and <code>torch.log10</code> or <code>math.log10</code>. Mind the sign:
# nearer pictures have more decibels.</details>

# %%
def psnr(a, b):
    """The peak signal-to-noise ratio in decibels of two pictures of one shape, from 0 to 1: a float or a scalar."""
    ### BEGIN SOLUTION
    return 10 * torch.log10(1 / (a - b).square().mean())
    ### END SOLUTION


# %% tags=["check"]
checks.psnr(psnr)

# %% [markdown]
# The course's own, `engines.decibels`, calls equal pictures 200 dB, for want of infinity.
#
# **Predict, then run.** Which engine is the fastest here, and does any of them miss 40 dB?

# %%
from tutorial_lib.engines import decibels as psnr

started = {engine: engines.start(network, engine) for engine in here}
with torch.inference_mode():
    painted = {engine: paint_it(frame).cpu() for engine, paint_it in started.items()}
seconds = medians({engine: partial(paint_it, frame) for engine, paint_it in started.items()}, rounds=7)
near = {engine: psnr(picture, painted["torch"]) for engine, picture in painted.items()}
for engine in here:
    print(f"{engine:18} PSNR {near[engine]:5.0f} dB   {seconds['torch'] / seconds[engine]:5.2f} times PyTorch's speed")
fastest = min((engine for engine in here if near[engine] >= engines.NEAR), key=seconds.get)
print(f"The fastest that reaches {engines.NEAR:.0f} dB: {fastest}. That is what `--engine auto` takes.")
assert min(near.values()) >= engines.NEAR

# %%
furthest = min(near, key=near.get)
figures.show(
    figures.images({"torch": painted["torch"], furthest: painted[furthest],
                    "100 x difference": 100 * (painted[furthest] - painted["torch"]).abs().mean(1)},
                   columns=1, height=1.9, largest=1.0),
    "By float32 PyTorch, and by the engine that is furthest from it. Look for the difference in the upper two; "
    "below it is a hundred times as large.",
    "Two paintings that look the same, and a map of their difference, enlarged a hundredfold.")

# %% [markdown]
# A command takes an engine with `--engine NAME`. `python -m tutorial_lib doctor` shows what `auto` has found, and
# `python -m tutorial_lib export NAME OUT.onnx` gives the network to programs that know nothing of PyTorch.

# %% [markdown]
# ## 6. Live
#
# The widget paints a film while it plays, in a loop: press *Start*. Style and network can be changed while it runs, other cells, too. It shows its frames a
# second. `show.live("film.mp4")` plays yours, and `show.live("camera")` the camera of the machine on which the kernel runs; both start at
# once. On a page without a kernel there is no widget; a moment of the film stands below it.

# %%
Live(source=None, style=style, network=name, size=min(640, screen.evaluation_width), engine=fastest)

# %%
size = min(180, screen.evaluation_height), min(320, screen.evaluation_width)
film = filmed(test_scene("bandage_2", *size, settings.evaluation_frames))
players.play({"input": film.frames, name: stylize_clip(network, film.frames.to(device)).cpu()}, "10_live")

# %%
figures.show(
    figures.images({"input": film.frames[0], name: stylize_clip(network, film.frames[:1].to(device))}, height=1.9),
    f"A moment of it: as filmed, and as {name} paints it.",
    "A frame of a rendered film, and the same frame painted.")

# %% [markdown]
# ## 7. Yours: one picture, four trainings
#
# A style of your own takes four networks, each made from those before it:
#
# | training | made from | notebook |
# |---|---|---|
# | `screen-teacher-plain` | your picture | 03 |
# | `screen-teacher-flow` | the one above | 03 |
# | `pocket-plain` | the teacher without flow, which it is to agree with | 04, 05 |
# | `pocket-ours` | all three: Algorithm 1 | 05 to 07 |
#
# Choose a picture with shapes that you would like to see as strokes. It is brought to one size, whatever it had, and then a stroke on the film is
# as large as a shape in it. So *crop* a picture for larger strokes.

# %%
picture = None          # "/home/me/pictures/my.jpg"; None: a painting that no network of the course was trained on
movie = None            # "/home/me/films/my.mp4"; None: the film above
real = False            # True: the whole training. How long it takes, the table below says.

videos = config.build_folder() / "videos"
if picture is None:
    picture = config.build_folder() / "my_picture.png"
    write_image(picture, paint("swirls", 768, seed=3))
picture = str(picture)
print(f"{Path(picture).name} is brought to {screen.style_size} pixels on its longer side, "
      f"for films of {screen.evaluation_width}x{screen.evaluation_height}.")
figures.show(figures.images({"my style": fit_longer_side(read_image(picture), 320)}, height=2.2),
             "The style to be learned. Look for its smallest shapes: they become strokes.",
             "The style picture of this section.")

# %% [markdown]
# Time is told before it is spent. The cell below takes *all four trainings* through a few steps, on frames of the real size, with a clock:
# a dry run. `Workshop` is the course's own way to make networks: `shop[role]` trains a role, and before it whatever it is made from.

# %%
FOUR = ("screen-teacher-plain", "screen-teacher-flow", "pocket-plain", POCKET)
STEPS = {"teacher-plain": "plain_steps", "teacher-flow": "teacher_steps", "pocket-plain": "plain_steps",
         "distill": "distill_steps"}

# One clip, and a small style picture, which is looked at only once and has no part in a step.
few = settings.but(clips=1, plain_steps=3, teacher_steps=6, distill_steps=3, style_size=64)
ticks = {role: [] for role in FOUR}


def watch(role, progress):
    """Called after every step."""
    ticks[role].append(time.perf_counter())


shutil.rmtree(config.build_folder() / "dry-run", ignore_errors=True)      # or there would be nothing left to time
dry = workshop.Workshop(picture, few, config.build_folder() / "dry-run", watch)
for role in FOUR:
    dry[role]

# %%
clips = RenderedClips(ROLES[POCKET].recipe.settings(settings))
made_from = ROLES[POCKET].recipe.needs                             # both teachers, and the plain pocket student
targets = training.FrozenTargets(clips, *(dry[role] for role in made_from))
targets[0]                                                         # warms up
began = time.perf_counter()
targets[1]                                                         # rendered, and painted by three networks
rows = {"clips and targets": (len(clips), time.perf_counter() - began)}
for role in FOUR:
    recipe = ROLES[role].recipe
    a_step = statistics.mean(after - before for before, after in pairwise(ticks[role]))
    rows[role] = getattr(recipe.settings(settings), STEPS[recipe.stage]), a_step
lines = [f"| {words} | {steps:,} | {a_step:.2f} | {steps * a_step / 60:.1f} |" for words, (steps, a_step) in rows.items()]
minutes = sum(steps * a_step / 60 for steps, a_step in rows.values())
Markdown("\n".join(["| training | steps | seconds a step, here | minutes |", "|---|---:|---:|---:|", *lines,
                    f"| **together** | | | **{minutes:.0f}** |"]))

# %% [markdown]
# These are the scale's steps on this machine, while it did what it did just now. (With `real = True` above, the next cell takes this long.) It can be stopped
# at any time: every 50 steps are kept, and the same cell goes on from there, as does the same command in a terminal:
#
# ```
# python data_scripts/train_zoo.py --style my.jpg --only pocket-ours pocket-scratch
# ```
#
# Networks come to lie in `build/zoo/SCALE-SEED`, named after your picture.

# %%
shop = workshop.Workshop(picture, settings, workshop.folder(settings)) if real else dry
student = shop[POCKET]                                 # and before it, those that are missing
print(shop.path(POCKET).name, "" if real else "(of the dry run)")

# %% [markdown]
# And the film. In a terminal: `python -m tutorial_lib stylize my.mp4 painted.mp4 --network build/zoo/SCALE-SEED/NAME.safetensors`.
#
# **Predict, then run.** What does a student paint after the few steps of the dry run?

# %%
source = Path(movie) if movie else players.write(film.frames, videos / "10_my_film.mp4")
target = videos / f"{source.stem}_painted.mp4"
done = stylize_video(student, source, target, overwrite=True, progress=False, engine=fastest)
print(f"{done.frames} frames of {done.width}x{done.height} in {done.seconds:.1f} s by {done.engine}: {target.name}")


def beginning(path, longest=320):
    """The first frames of a film, not too large to be shown here: (N, 3, H, W)."""
    frames = [shot.image for shot in islice(open_video(path), len(film.frames))]
    return torch.cat([fit_longer_side(image, min(longest, max(image.shape[-2:]))) for image in frames])


filmed_by_me = beginning(source)
seen = {"input": filmed_by_me, "mine" if real else "mine, dry run": beginning(target),
        name: stylize_clip(network, filmed_by_me.to(device)).cpu()}
players.play(seen, "10_mine")

# %%
figures.show(
    figures.images({words: frames[0] for words, frames in seen.items()}, columns=1, height=1.7),
    "One frame: as filmed, by the student that was trained here, and by the zoo's. Look for strokes: they take more than "
    "a few steps.",
    "A frame of the film, the same by the student of this notebook, and by the one of the zoo.")

# %% [markdown]
# ## Summary
#
# A frame costs weights times places, so a small network works at a small size: folding gets it there and loses nothing, at the price of a grid
# that strokes hold on to. Sizes are chosen on validation scenes, by a rule that is said beforehand. A clock is fair if jobs take turns, warm up, and
# are summed up by a median. An engine is the same network if its pictures are 40 dB near. Your own style takes one picture and four trainings.

# %% [markdown]
# ## Mini-project
#
# Make a student for a picture and a film of yours, and find out *whether it is good*. Hand in one page, the commands, and the film.

# %% [markdown]
# | what is judged | points | full points look like |
# |---|---:|---|
# | an honest control | 4 | `pocket-scratch` from the same plain student, with the same frames, steps and seed; no number stands without the control's beside it |
# | validation, not test | 4 | whatever was chosen (size, weights, crop) was chosen on validation scenes; the test scenes were scored once, at the end |
# | seeds | 3 | two seeds at least, all of them reported; a difference smaller than their spread is called none |
# | two judges | 3 | style and content by `compact` and by a second network; where they disagree, that is said |
# | a film looked at | 3 | ours and the control side by side, at full size, on a film with people or small motion; a time slice; what is wrong is named: grid, borders, dark parts |
# | speed | 2 | fair times on a machine that is named, the engine with its PSNR |
# | what went wrong | 1 | one thing that was tried and did not help |
#
# Twenty points. A student that flickers more than its control, shown honestly, can have all of them.

# %% [markdown]
# The commands, for a picture `my.jpg` at the scale `laptop`. `train_zoo.py ... --seed 1` makes the second seed, in `build/zoo/laptop-1`.
#
# ```
# N=build/zoo/laptop-0/my-pocket
# python data_scripts/validate.py $N-scratch.safetensors $N-ours.safetensors --style my.jpg --screen
# python data_scripts/validate.py $N-scratch.safetensors $N-ours.safetensors --style my.jpg --screen --judge vgg16
#
# python data_scripts/make_tables.py --only pocket-scratch pocket-ours --styles my --style-picture my.jpg --screen --results mine
# ```
#
# The first two are for choosing; the last, on the test scenes, is for the end (`--videos my.mp4` takes your own film instead).

# %% [markdown]
# ## Exercises
#
# **Exercise 1.** Multiply-adds are not seconds. Build the pocket students 32x4 and *sep* 64x5 with random weights. How do their multiply-adds compare, and
# how their times? Try another engine, too.
#
# <details><summary>Hint</summary><code>Pocket(32, 4)</code> and <code>Pocket(64, 5, separable=True)</code>, both
# <code>.eval()</code>; <code>speed.multiply_adds(network, frame)</code>; <code>engines.start</code> and <code>medians</code>.</details>

# %% tags=["solution"]
# Exercise 1: a solution
two = {"32x4": Pocket(32, 4), "sep 64x5": Pocket(64, 5, separable=True)}
tried, jobs, counts = dict.fromkeys(("torch", here[-1])), {}, {}
for words, one in two.items():
    one.to(device).eval().requires_grad_(False)
    counts[words] = speed.multiply_adds(one, frame)
    for engine in tried:
        jobs[words, engine] = partial(engines.start(one, engine), frame)
times = medians(jobs, rounds=7)
print(f"multiply-adds: sep 64x5 has {counts['sep 64x5'] / counts['32x4']:.2f} times those of 32x4")
for engine in tried:
    print(f"{engine:18} it takes {times['sep 64x5', engine] / times['32x4', engine]:.2f} times as long")
print("What a program does with a layer decides as much as the layer does.")

# %% [markdown]
# **Exercise 2.** How large may a frame be on your machine, for 25 a second? Time a few sizes, draw a straight line through them, and read off.
#
# <details><summary>Hint</summary>Seconds grow with the number of pixels: <code>np.polyfit(pixels, seconds, 1)</code>. Enlarge the frame with
# <code>F.interpolate</code>. What does the line say for no pixel at all?</details>

# %% tags=["solution"]
# Exercise 2: a solution
sizes = {factor: F.interpolate(frame, scale_factor=factor, mode="bilinear") for factor in (0.5, 0.7, 0.85, 1.0)}
times = medians({factor: partial(started[fastest], image) for factor, image in sizes.items()}, rounds=5)
pixels = [image[0, 0].numel() for image in sizes.values()]
slope, start = np.polyfit(pixels, list(times.values()), 1)
largest = max(0.0, (1 / ENOUGH - start) / slope)
for image, taken in zip(sizes.values(), times.values(), strict=True):
    print(f"{image.shape[-1]:5} x {image.shape[-2]:4}  {1 / taken / ENOUGH:6.2f} times {ENOUGH} frames a second")
width, height = (largest * 16 / 9) ** 0.5, (largest * 9 / 16) ** 0.5
print(f"By the line, {ENOUGH} frames a second of {width:.0f} x {height:.0f}, by {fastest}.")
off = max(abs(slope * p + start - t) / t for p, t in zip(pixels, times.values(), strict=True))
print(f"(Furthest from the line: {off:.0%}. Decoding and encoding a film come on top.)")

# %% [markdown]
# **Exercise 3.** The grid of section 2 in other networks: the student from scratch, the paper's ours, the teacher without flow. Whose strokes hold on to
# it most? Does the one that is steadiest?
#
# <details><summary>Hint</summary><code>shifted_error(zoo.load(...), small, shift)</code> for shifts of 2 and 4 pixels. The
# <code>e_stab</code> of these networks stands in notebook 08.</details>

# %% tags=["solution"]
# Exercise 3: a solution
others = {role: zoo.load(f"{style}-{role}").to(device) for role in ("teacher-plain", "student-scratch", "student-ours")}
grid = {words: [shifted_error(one, small, shift) for shift in shifts] for words, one in {**others, name: network}.items()}
print(f"{'shift by':32}" + "".join(f"{shift:8}" for shift in shifts))
for words, row in grid.items():
    print(f"{words:32}" + "".join(f"{error:8.4f}" for error in row))
period = {words: 1 + int(np.argmin(row)) for words, row in grid.items()}
print("Least at a shift of: " + ", ".join(f"{words} {shift}" for words, shift in period.items()))
half = {words: row[1] for words, row in grid.items()}
print(f"Half a square away, most: {max(half, key=half.get)}; least: {min(half, key=half.get)}. "
      f"Ours against the student from scratch: {half['student-ours'] / half['student-scratch'] - 1:+.0%}.")
steadier = half["student-ours"] < half["student-scratch"]
print("All of them halve their maps twice, or fold by 4. Nobody told ours of the grid"
      + (": learning to be steady, it came to hold on to it less." if steadier else "."))

# %% [markdown]
# **Exercise 4.** A training that is stopped and goes on: does it end at the same weights as one that is not? Stop a short one in the middle, by a
# `KeyboardInterrupt`, and see.
#
# <details><summary>Hint</summary><code>training.train_plain(network, perceptual, settings, steps=6, path=..., save_every=2, callback=...)</code>. The
# callback gets a <code>progress</code> with <code>.step</code>, and may raise.</details>

# %% tags=["solution"]
# Exercise 4: a solution
tiny = few.but(height=48, width=64)
perceptual = evaluation.judge_of(picture, tiny).to(device)
path = config.build_folder() / "dry-run" / "stopped.safetensors"


def go_on(path=None, stop=None):
    """Six steps of a pocket student, from its checkpoint where there is one; the network, and the steps that were run."""
    def interrupt(progress):
        if progress.step == stop:
            raise KeyboardInterrupt

    started_anew = training.new_pocket(tiny).to(device)
    history = training.train_plain(
        started_anew, perceptual, tiny, steps=6, path=path, save_every=2, callback=interrupt, bar=False)
    return started_anew, len(history)


try:
    go_on(path, stop=5)
except KeyboardInterrupt:
    print("Stopped after step 5; the checkpoint is of step 4.")
resumed, ran = go_on(path)
straight, _ = go_on()
apart = max((a - b).abs().max().item() for a, b in zip(resumed.parameters(), straight.parameters(), strict=True))
print(f"Going on took {ran} steps; the weights differ by at most {apart:.1e}.")
print("The optimiser's own memory is in the checkpoint, and the pictures of a step are drawn from its number alone.")

# %% [markdown]
# ## Further reading
#
# - Shi et al., [Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural network
#   ](https://arxiv.org/abs/1609.05158) (2016): the unfolding at the end, `pixel_shuffle`.
# - Howard et al., [MobileNets](https://arxiv.org/abs/1704.04861) (2017): depthwise convolutions.
# - Gao et al., [ReCoNet: real-time coherent video style transfer](https://arxiv.org/abs/1807.01197) (2018): the paper's student.
# - Zhang, [Making convolutional networks shift-invariant again](https://arxiv.org/abs/1904.11486) (2019): the grid, and a cure.
#
# [Back: 9. Space-time distillation](09_space_time_distillation.ipynb) · [To the start](00_start_here.ipynb)
