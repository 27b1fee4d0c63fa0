# %% [markdown]
# # 0. Start here: a painted film that flickers less
#
# **You will be able to**
# - see what the course builds, before you know how it works;
# - tell a flickering video from a steady one, in a moving and in a still picture;
# - write the function that turns a film into a still picture of its flicker;
# - paint a video of your own;
# - find the notebook that explains each part.
#
# **You need** nothing beyond the installation: no GPU, no download.
# **Time**: about 45 minutes to read and work. Every cell together runs about 1 minute on a laptop without a GPU.
# The scale is set by the variable `OFD_SCALE` (default `laptop`).
#
# [Next: 1. The perceptual loss](01_perceptual_loss.ipynb)

# %% [markdown]
# ## Two settings and a word
#
# | setting | variable | what it chooses |
# |---|---|---|
# | *style* | `OFD_STYLE` | the picture whose manner is imitated |
# | *scale* | `OFD_SCALE` | how large the frames are, and how long the trainings take |
#
# To set one, put a cell such as `%env OFD_STYLE=candy` before a notebook's imports, restart the kernel and run all cells. In a
# terminal: `OFD_STYLE=candy make lab`. These pages show `mosaic` at the scale `laptop`; the texts hold for the others,
# too.
#
# A *role* is the part that a network plays: a teacher, a student, ours. A trained network is called STYLE-ROLE; a role
# has one colour in all figures.

# %%
import random
from itertools import islice

import torch
from tutorial_lib import checks, evaluation, settings as config, zoo
from tutorial_lib.data.clips import filmed
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.data.styles import describe, has_picture, load_style
from tutorial_lib.data.video import open_video
from tutorial_lib.show import figures, players
from tutorial_lib.show.viewers.flicker import flicker_player
from tutorial_lib.show.diagrams import course
from tutorial_lib.stylize import stylize_clip, stylize_video

settings, style = config.scale(), config.style()
print(f"Scale: {settings.name}   (there are {', '.join(config.SCALES)})")
print(f"Style: {style}   (there are {', '.join(zoo.styles())})")

# %% [markdown]
# ## What you will be able to make
#
# One frame of a film, and the same frame as a network of this course paints it. It is a small one, for speed, and two
# larger ones have taught it to be steady.

# %%
view = filmed(test_scene("alley_2", 360, 640, 2)).frames[:1]
small = zoo.student_of(style)
figures.show(
    figures.images({"as filmed": view, f"painted by {small}": stylize_clip(zoo.load(small), view)}, 1, 3.4),
    f"A photographer, and what {small} made of him. Look for the strokes: do they follow the things?",
    "A frame of a film with a photographer before a brick wall, and the same frame painted.",
)

# %% [markdown]
# How does it know what a stroke is, and why do the strokes stay in place? First, the problem.
#
# ## A film and a painting
#
# The film is rendered by this course, so every motion in it is known exactly. It also has what
# every real camera adds: a little noise, and light that is never quite constant. No network of
# this course was trained on it. The painting is made by code, too, unless you have chosen a picture.

# %%
height = min(settings.evaluation_height, 128)
width = min(settings.evaluation_width, 300)
film = test_scene("bandage_2", height, width, settings.evaluation_frames)
scene = filmed(film)

# %%
pictures = {"first frame": scene.frames[0], "last frame": scene.frames[-1]}
figures.show(
    figures.images(pictures, height=1.8),
    "Two frames of the film. Look for what moves: very little. That is why flicker will "
    "show.",
    "The first and the last frame of a quiet film: a woman in a space suit and a cup of "
    "coffee.",
)
if has_picture(style):
    painting = load_style(style, settings.style_size)
    figures.show(figures.images({f"the style: {style}": painting}, height=2.2),
                 *describe(style))
else:
    print(f"The picture of {style} does not ship; what follows shows what its networks made of it.")

# %% [markdown]
# ## Four networks paint the film
#
# - **teacher with flow** sees its own previous frame, moved along by *optical flow* (how far each pixel has
#   moved), which it needs for every frame.
# - **teacher without flow** sees one frame at a time.
# - **student from scratch** is small, and sees one frame at a time.
# - **ours** is the same small student, taught by *both* teachers. It needs no flow.
#
# These words never change. Their other names, and four words for later ("Eq.": an equation of the paper):
#
# | word | also called | in one sentence | notebook |
# |---|---|---|---|
# | teacher with flow | teacher-flow, T | A large network that gets, beside the frame, its own last painting moved along the optical flow. | [3](03_two_teachers.ipynb) |
# | teacher without flow | teacher-plain, T0 | A network of the same size that sees one frame at a time; the teacher with flow was trained on from it. | [3](03_two_teachers.ipynb) |
# | plain student | student-plain, S0 | A small network that sees one frame at a time, trained on single pictures; the other students start from it. | [4](04_plain_student.ipynb) |
# | student from scratch | student-scratch | The plain student, trained on with Eq. 1 alone, for as many steps and on the same clips as ours: what ours is compared with. | [4](04_plain_student.ipynb) |
# | ours | student-ours, S | The student that the paper's method makes: the plain student, trained on with Eq. 1, the residual loss and the low-rank loss. | [5](05_residual_distillation.ipynb) |
# | e_stab | Eq. 14, temporal error | How much a frame differs from the one before once the motion between them is undone; low is steady. | [0](00_start_here.ipynb), [8](08_evaluation.ipynb) |
# | style loss | L_style | How far the Gram matrices of the painting are from those of the style picture; 0 is a perfect style. | [1](01_perceptual_loss.ipynb) |
# | traceable mask | consistency mask, M | A map that is 1 where a pixel can be followed into the other frame, and 0 where it is hidden or outside. | [2](02_flow_and_warping.ipynb) |
#
# All words are in the [glossary](../notebooks/GLOSSARY.md).

# %% [markdown]
# **Predict, then run.** Which of the four will flicker most, and which least?

# %%
roles = ("teacher-flow", "teacher-plain", "student-scratch", "student-ours")
networks = {role: zoo.load(f"{style}-{role}") for role in roles}


def painted(frames):
    return {role: stylize_clip(network, frames) for role, network in networks.items()}


# %%
videos = {"input": scene.frames, **painted(scene.frames)}
for role, frames in videos.items():
    assert frames.shape == scene.frames.shape, role
    assert frames.min() >= 0 and frames.max() <= 1, role
wall = scene.forward.flows[..., height // 4:height // 2, width // 2:2 * width // 3]
print(f"The wall moves by {wall.norm(dim=1).median():.2f} pixels a frame.")
players.play(videos, "bandage_2", columns=3)

# %% [markdown]
# Play it and look at a place where almost nothing moves, such as the wall behind the woman. In the
# input it drifts by a fraction of a pixel a frame. Where does it *boil*, that is, change its strokes without moving?
#
# The file is `build/videos/bandage_2.mp4`. GitHub shows no video, so here is one moment of it.

# %%
figures.show(
    figures.images({role: video[len(video) // 2] for role, video in videos.items()}, 3, 1.7),
    "One moment. Look for flicker: you cannot see it. A single frame "
    "does not say which of the four is steady.",
    "The same frame five times: as filmed, and as painted by four networks.",
)

# %% [markdown]
# ## Flicker in a still picture
#
# Take one row of pixels from every frame, and stack the rows downwards. First by hand, in two films of four
# frames, each with one bright pixel in row 1.

# %%
toys = {"moves": torch.zeros(4, 3, 3, 5), "flickers": torch.zeros(4, 3, 3, 5)}
for t in range(4):
    toys["moves"][t, :, 1, t] = 1
    toys["flickers"][t, :, 1, 2] = (1, 0.3, 0.8, 0.2)[t]
for name, toy in toys.items():
    print(f"The film that {name}, row 1 of each frame:")
    for t, frame in enumerate(toy):
        print(f"  frame {t}:", "  ".join(f"{value:.1f}" for value in frame[0, 1].tolist()))

# %% [markdown]
# Read the numbers of a film as one picture: it is its *time slice*. Time runs downwards. What stands still becomes a
# clean vertical line, what moves evenly a slanted one, and what flickers changes along its line.
#
# In PyTorch a film is a tensor of the shape (N, 3, H, W): N frames of three colours, H rows and W columns. A picture is
# (3, H, W).
#
# **Yours to write**: `time_slice`.
#
# <details><summary>Hint 1: which axis</summary>A row is one place along the third axis:
# <code>frames[:, :, row]</code>. Look at its <code>.shape</code>.</details>
# <details><summary>Hint 2: which order</summary>In the picture, time is to be the height. So time and colour have to change
# places.</details>
# <details><summary>Hint 3: in PyTorch</summary><code>.permute(1, 0, 2)</code> puts the second axis first.
# <code>reshape</code> would not: it keeps the order of the numbers.</details>

# %%
def time_slice(frames, row):
    """The row number `row` of every frame, stacked downwards: (N, 3, H, W) -> (3, N, W)."""
    ### BEGIN SOLUTION
    return frames[:, :, row].permute(1, 0, 2)
    ### END SOLUTION


# %% tags=["check"]
checks.time_slice(time_slice)

# %% [markdown]
# From here on the notebook takes the course's own, which draws each row four times, so that a short film is not a thin
# strip.
#
# **Predict, then run.** The wall and the suit hardly move. In whose slice will their lines be broken most often?

# %%
slices = {role: figures.time_slice(video) for role, video in videos.items()}
figures.show(
    figures.images(slices, columns=1, height=0.9),
    "Time runs downwards. Look for broken vertical lines: each break is a flicker.",
    "Five time slices, one under the other: input, two teachers, two students.",
)

# %% [markdown]
# Now by hand. Drag a film up and down: the line chooses the row, and its slice stands underneath. The arrow keys do the same
# once a slider is chosen. With *wipe to*, one film covers another.

# %%
few = {role: videos[role][:6] for role in ("input", "student-scratch", "student-ours")}
flicker_player(few)

# %% [markdown]
# **Question.** In a time slice there is a slanted line, straight and unbroken. What was it in the film?
#
# <details><summary>A. Something that flickers.</summary>No: what flickers changes its brightness or colour from row to row, so
# that its line is broken or noisy.</details>
# <details><summary>B. Something that moves sideways, steadily painted.</summary>Right: each frame finds it a bit further to the
# side, and equally bright. A slanted line is motion.</details>
# <details><summary>C. A slanted edge that stands still.</summary>The slice sees one row alone. In that row the edge is one
# pixel, in every frame the same: it becomes a vertical line.</details>

# %% [markdown]
# ## Flicker as a number
#
# The paper measures it with $e_{stab}$: undo the motion between two consecutive frames, then
# see how much they still differ. Low is steady. The unpainted film is not at zero, because of the camera's noise and
# changing light: its own value is the *floor* in the figure.

# %%
judge = evaluation.judge_of(style, settings, "compact")
scores = {role: evaluation.score(role, videos[role], scene, judge) for role in roles}
floor = scores["student-ours"].floor
figures.show(
    figures.bars({role: s.e_stab for role, s in scores.items()},
                 "e_stab (lower is steadier)", floor),
    "Steadiness on this film. Look for the distance of each bar from the dotted line, "
    "the input.",
    "Bars of e_stab for two teachers and two students, with the input's own value as a "
    "line.",
)
boil = {role: s.e_stab for role, s in scores.items()}
print(f"Flickers most: {max(boil, key=boil.get)}; least: {min(boil, key=boil.get)}.")

# %% [markdown]
# A grey film would be perfectly steady, and worthless. So a steadiness must never stand alone:
# the *style loss* beside it says how far the picture is from the painting's style (notebook 1).

# %%
print(f"{'':18}{'e_stab':>8}{'style loss':>12}")
for role, s in scores.items():
    print(f"{role:18}{s.e_stab:8.4f}{s.style:12.4f}")

ours, scratch = scores["student-ours"], scores["student-scratch"]
gain, price = ours.e_stab / scratch.e_stab - 1, ours.style / scratch.style - 1
print(f"\nOurs against the student from scratch: e_stab {gain:+.0%}, style loss {price:+.0%}.")
print("Verdict on this film:", evaluation.verdict(ours, scratch))
assert all(s.e_stab > 0 and s.style >= 0 for s in scores.values())

# %% [markdown]
# Read the last line as it is. In this field a gain in steadiness is often paid with style, and the
# verdict names the price. One quiet film is also only one film. Notebook 8 scores five of them
# and compares with the paper.

# %% [markdown]
# **Question.** A network has an $e_{stab}$ of zero on every film, below the floor. What is it?
#
# <details><summary>A. The best network that there can be.</summary>Look at its pictures first. The film itself is not at
# zero: it has noise. What shows none of it may show nothing at all.</details>
# <details><summary>B. A mistake: nothing can be below the floor.</summary>It can. The floor is the film's own value, not a
# limit: a blurred film, or a paler one, lies below it.</details>
# <details><summary>C. One that paints every frame in the same way, such as grey all over.</summary>Right: then nothing
# changes, because nothing of the film is left. So the style loss stands beside it, and whoever is grey has a bad
# one.</details>

# %% [markdown]
# ## A faster film
#
# **Predict, then run.** This camera chases. Will $e_{stab}$ be higher or lower? And will flicker be easier or harder to
# *see*?

# %%
chase = filmed(test_scene("market_6", height, width, settings.evaluation_frames))
chased = {"input": chase.frames, **painted(chase.frames)}
players.play(chased, "market_6", columns=3)

# %%
figures.show(
    figures.images({role: figures.time_slice(video) for role, video in chased.items()}, 1, 0.9),
    "The chase as time slices. Look for slanted lines: motion. Breaks along them are "
    "flicker.",
    "Five time slices of a film with fast camera motion, one under the other.",
)
for name, clip in {"the quiet film": scene, "the chase": chase}.items():
    print(f"{name:15} moves by {clip.forward.flows.norm(dim=1).median():.1f} pixels a frame")
faster = {role: evaluation.instability(chased[role], chase) / boil[role] for role in roles}
print("e_stab, times that of the quiet film:", {role: round(ratio, 1) for role, ratio in faster.items()})

# %% [markdown]
# So says the number. Whether you *see* as much of it in the chase, you alone can say: look at the video again.

# %% [markdown]
# ## The idea in one paragraph
#
# The teacher with flow is the one without, trained on so that its consecutive frames agree along the optical flow. The
# *difference of their pictures* is what that training changed. A small student learns that difference, as a correction
# to its own plain pictures. Once it is trained, both teachers and the flow are thrown away.
# This is *Optical Flow Distillation* (Chen, Zhang et al., ECCV 2020).

# %%
figures.show(course.course(), course.CAPTION, course.ALT)

# %% [markdown]
# The four networks have short names in formulas: $T$ and $T_0$ for the teachers with and without flow, $S$ for ours, $S_0$
# for the plain student. What the residual loss is, notebook 5 says; what low rank has to do with it, notebook 6. This is the
# upper half of the left column, in pictures:

# %%
change = (videos["teacher-flow"] - videos["teacher-plain"])[-1]
figures.show(
    figures.images({
        "teacher-flow": videos["teacher-flow"][-1],
        "teacher-plain": videos["teacher-plain"][-1],
        "their difference": change.abs().mean(0, keepdim=True),
    }, height=1.6),
    "Look for where that training changed the picture (bright): that is the student's lesson.",
    "The last frame by both teachers, and a map of their absolute difference.",
)

# %% [markdown]
# **Question.** Ours is trained, and paints a film that nobody has seen before. What does it need for each frame?
#
# <details><summary>A. The frame, and the flow to the frame before.</summary>That is what the teacher with flow needs. The
# student has only learned what came of it.</details>
# <details><summary>B. The frame, and the plain student, to whose picture it adds a correction.</summary>The correction is
# how it is <em>taught</em>. The trained student paints the corrected picture at once.</details>
# <details><summary>C. The frame alone.</summary>Right: that is why it is fast. The teachers, the flow and the plain student
# were needed in training only.</details>

# %% [markdown]
# ## The course
#
# | notebook | question | in the paper |
# |---|---|---|
# | [1. Perceptual loss](01_perceptual_loss.ipynb) | How can a number judge a style? | Eq. 1 |
# | [2. Flow and warping](02_flow_and_warping.ipynb) | Where did each pixel come from? | the $f$, $W$, $M$ of all others |
# | [3. Two teachers](03_two_teachers.ipynb) | What does flow buy a network? | Sec. 3, [34] |
# | [4. The plain student](04_plain_student.ipynb) | How far do the obvious cures go? | Eq. 2, Eq. 12 |
# | [5. Residual distillation](05_residual_distillation.ipynb) | Can a difference be taught? | Eq. 3-5 |
# | [6. Low rank](06_low_rank_distillation.ipynb) | What is steadiness in algebra? | Eq. 6-11 |
# | [7. The total loss](07_total_loss.ipynb) | How are the terms balanced? | Eq. 13, Alg. 1 |
# | [8. Evaluation](08_evaluation.ipynb) | Did it work, at what price? | Eq. 14, Tables 1-2 |
# | [9. Space-time distillation](09_space_time_distillation.ipynb) | Can a small network learn to make videos larger? | the second paper |
# | [10. Small, fast, yours](10_small_fast_yours.ipynb) | How small, how fast, and with my own picture? | beyond it |

# %% [markdown]
# ## Your own video
#
# In a terminal, in the folder of the course:
#
# ```
# python -m tutorial_lib stylize my_video.mp4 painted.mp4 --style mosaic
# ```
#
# Size, sound and timing stay, and a video may be as long as you like. The same from Python, on a
# small clip that we write first:

# %%
source = players.write(scene.frames, config.build_folder() / "videos" / "00_my_video.mp4")
target = source.with_name("00_my_video_painted.mp4")
report = stylize_video(zoo.load(small), source, target, device="cpu", overwrite=True, progress=False)
print(f"{report.frames} frames of {report.width}x{report.height} in {report.seconds:.1f} s")
assert target.is_file() and report.frames >= settings.evaluation_frames

# %% [markdown]
# A network paints shapes of the size it was trained on, in pixels. If they come out too small or too large for your
# taste, `--size 480` paints your video at 480 pixels across, and gives it back at its own size.
#
# ## Your machine
#
# The `doctor` says what your machine has and which scale suits it (in a terminal:
# `python -m tutorial_lib doctor`).

# %%
from tutorial_lib.doctor import report as doctor_report

print(doctor_report(0.3))

# %% [markdown]
# ## Summary
#
# Networks that paint a film frame by frame make it boil, even where almost nothing moves. A teacher that was trained to
# keep its frames alike along the optical flow is calmer, but has to compute flow for every frame. (How much of its
# calm is that training's and how much the flow's, notebook 3 measures.) A small student can learn from the difference
# between that teacher and the one without flow, and needs no flow afterwards. Steadiness is only worth something at the
# same style.

# %% [markdown]
# ## Exercises
#
# **Exercise 1.** Take the time slice at another height: in the quiet film at the row where least moves, in the chase at the
# row where most does. In which of the two is flicker easier to see, and why?
#
# <details><summary>Hint</summary><code>clip.forward.flows.norm(dim=1)</code> is the speed of every pixel of every frame;
# its mean over frames and columns is a number for each row. Then <code>figures.time_slice(video, row=20)</code>.</details>

# %% tags=["solution"]
# Exercise 1: a solution
def speeds(clip):
    """How fast each row moves, in pixels a frame."""
    return clip.forward.flows.norm(dim=1).mean((0, 2))


still, fast = speeds(scene).argmin().item(), speeds(chase).argmax().item()
rows = {}
for name, clip, films, row in (("quiet", scene, videos, still), ("chase", chase, chased, fast)):
    part = {role: films[role][:, :, row] for role in ("input", "student-scratch")}
    rows |= {f"{name}, row {row}: {role}": figures.time_slice(films[role], row) for role in part}
    film, painting = (video.diff(dim=0).abs().mean() for video in part.values())
    print(f"{name}, row {row:2}, moves by {speeds(clip)[row]:.2f} pixels a frame. From frame to frame the film changes "
          f"by {film:.3f}, its painting by {painting:.3f}, {painting / film:.1f} times as much.")
figures.show(
    figures.images(rows, columns=1, height=0.9),
    "A row that hardly moves and one that moves fast, each as filmed and as painted. In which pair do you see which "
    "breaks the painter made?",
    "Four time slices: of a still row of the quiet film and of a fast row of the chase, filmed and painted.",
)
print("Where nothing moves, nothing should change, and every change is flicker. Where much moves, the film changes, too,")
print("and the eye cannot tell the two apart. That is why e_stab undoes the motion first.")

# %% [markdown]
# **Exercise 2.** Average neighbouring frames of the network that flickers most. What happens to $e_{stab}$, in the
# quiet film and in the chase? Would you want to watch the result?
#
# <details><summary>Hint</summary><code>(video[1:] + video[:-1]) / 2</code>, then
# <code>evaluation.e_stab_forward(frames, flows, masks)</code>; one frame fewer means
# <code>clip.forward.flows[:-1]</code> and <code>clip.forward.masks[:-1]</code>.</details>

# %% tags=["solution"]
# Exercise 2: a solution
worst = max(boil, key=boil.get)
for name, clip, video in (("the quiet film", scene, videos[worst]), ("the chase", chase, chased[worst])):
    averaged, shorter = (video[1:] + video[:-1]) / 2, clip.forward[:-1]
    before, after = (evaluation.e_stab_forward(v, shorter.flows, shorter.masks) for v in (video[:-1], averaged))
    detail = evaluation.sharpness(averaged) / evaluation.sharpness(video)
    print(f"{worst}, {name:15} e_stab {before:.3f} -> {after:.3f} ({after / before - 1:+.0%}), "
          f"{detail:.0%} of the sharpness is left")
middle = len(averaged) // 2
figures.show(
    figures.images({worst: video[middle], "mean of two frames": averaged[middle]}, height=1.6),
    "A frame of the chase. Look for things that are there twice.",
    "A painted frame of the chase, and the mean of it and the next one, in which everything is doubled.",
)
print("The number rewards it. In the quiet film one might not even mind. In the chase everything is there twice: the number")
print("compares a picture with the one before, and never with the film.")

# %% [markdown]
# **Exercise 3.** Paint a video of yours (or the one that was written above) once with `student-scratch` and once with
# `student-ours`. Have somebody mix the two up. Can you tell which is which?
#
# <details><summary>Hint</summary><code>stylize_video(zoo.load(NAME), source, target)</code> as above, or
# <code>--network NAME</code> instead of <code>--style</code>.</details>

# %% tags=["solution"]
# Exercise 3: a solution
roles, slices = ["student-scratch", "student-ours"], {}
random.Random(settings.seed).shuffle(roles)
for letter, role in zip("AB", roles, strict=True):
    target = source.with_name(f"00_{letter}.mp4")
    stylize_video(zoo.load(f"{style}-{role}"), source, target, device="cpu", overwrite=True, progress=False)
    frames = torch.cat([frame.image for frame in islice(open_video(target), len(scene.frames))])
    slices[letter] = figures.time_slice(frames, height // 3)
figures.show(
    figures.images(slices, columns=1, height=0.9),
    "The same film by two students. Look for the one with more broken lines before you read on.",
    "Time slices of two paintings of the same film, named A and B.",
)
print(*(f"{letter} is {role}, e_stab {boil[role]:.3f}." for letter, role in zip("AB", roles, strict=True)))

# %% [markdown]
# ## Further reading
#
# - Chen, Zhang et al., [Optical flow distillation: towards efficient and stable video style transfer
#   ](https://arxiv.org/abs/2007.05146) (ECCV 2020): the paper of this course.
# - Gatys, Ecker, Bethge, [A neural algorithm of artistic style](https://arxiv.org/abs/1508.06576) (2015): where neural style
#   transfer began.
# - Ruder, Dosovitskiy, Brox, [Artistic style transfer for videos and spherical images](https://arxiv.org/abs/1708.04538)
#   (2018): the teacher with flow.
#
# [Next: 1. The perceptual loss](01_perceptual_loss.ipynb)
