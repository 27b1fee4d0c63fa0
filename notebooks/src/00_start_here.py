# %% [markdown]
# # 0. Start here: a painted film that flickers less
#
# **You will be able to**
# - see what the course builds, before you know how it works;
# - tell a flickering video from a steady one, in a moving and in a still picture;
# - paint a video of your own;
# - find the notebook that explains each part.
#
# **You need** nothing beyond the installation: no GPU, no download.
# **Time**: about 1 minute on a laptop without a GPU, to run every cell.
# The scale is set by the variable `OFD_SCALE` (default `laptop`).
#
# [Next: 1. The perceptual loss](01_perceptual_loss.ipynb)

# %%
from tutorial_lib import evaluation, settings as config, zoo
from tutorial_lib.data.clips import filmed
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.data.styles import describe, has_picture, load_style
from tutorial_lib.show import figures, players
from tutorial_lib.stylize import stylize_clip, stylize_video

settings, style = config.scale(), config.style()
print(f"Scale: {settings.name}, style: {style}")

# %% [markdown]
# ## What you will be able to make
#
# One frame of a film, and the same frame as a network of this course paints it. It is a small one, for speed, and it has
# been taught to paint each frame as it painted the one before.

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
# - **teacher with flow** sees its own previous frame, moved along by *optical flow*, which it needs for every frame.
# - **teacher without flow** sees one frame at a time.
# - **student from scratch** is small, and sees one frame at a time.
# - **ours** is the same small student, taught by *both* teachers. It needs no flow.
#
# *Predict, then run:* which of the four will flicker most, and which least?

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
# input it drifts by a fraction of a pixel a frame. Where does it boil?
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
# Take one row of pixels from every frame and stack the rows downwards. The picture now has
# *time* on its vertical axis. What stands still becomes a clean vertical line, what moves evenly
# a slanted one, and what flickers becomes noise.

# %%
slices = {role: figures.time_slice(video) for role, video in videos.items()}
figures.show(
    figures.images(slices, columns=1, height=0.9),
    "Time runs downwards. Look for broken vertical lines: each break is a flicker.",
    "Five time slices, one under the other: input, two teachers, two students.",
)

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
#
# ## A faster film
#
# *Predict, then run:* this camera chases. Will $e_{stab}$ be higher or lower? And will flicker be easier or harder to
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
# The teacher with flow is the plain one, trained on so that its consecutive frames agree along the optical flow. The
# *difference of their pictures* is what that training changed. A small student learns that difference, as a correction
# to its own plain pictures. Once it is trained, both teachers and the flow are thrown away.
# This is *Optical Flow Distillation* (Chen, Zhang et al., ECCV 2020).

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
# between that teacher and its flow-less twin, and needs no flow afterwards. Steadiness is only worth something at the
# same style.

# %% [markdown]
# ## Exercises
#
# 1. Take the time slice at another height, once through something that moves and once through
#    the plain wall. Where is flicker easier to see, and why?
#    <details><summary>Hint</summary><code>figures.time_slice(video, row=20)</code>. Where things stand still, every
#    bend and break in a line is flicker. Where they move, a line bends anyway.</details>
# 2. Blur the video of one network along time by averaging neighbouring frames. What happens to
#    $e_{stab}$, and would you want to watch the result?
#    <details><summary>Hint</summary><code>(video[1:] + video[:-1]) / 2</code>, then
#    <code>evaluation.e_stab_forward</code> with one flow and mask fewer. Look at
#    <code>market_6</code>.</details>
# 3. Paint ten seconds of a video of yours, once with `mosaic-student-scratch` and once with
#    `mosaic-student-ours`. Can you tell which is which?
#    <details><summary>Hint</summary><code>--network NAME</code> instead of
#    <code>--style</code>.</details>
#
# [Next: 1. The perceptual loss](01_perceptual_loss.ipynb)
