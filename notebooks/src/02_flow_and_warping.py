# %% [markdown]
# # 2. Optical flow and warping: where did each pixel come from?
#
# **You will be able to**
# - read a flow as numbers and as colours, and get its sign right;
# - move a picture along a flow in five lines;
# - say where a flow cannot be trusted, and find many of these places without the truth;
# - say what flow costs, which is why the paper wants to be rid of it.
#
# **You need** [notebook 0](00_start_here.ipynb).
# **Time**: about 1 minute on a laptop without a GPU, to run every cell.
# The scale is set by the variable `OFD_SCALE` (default `laptop`).
#
# [Previous: 1. The perceptual loss](01_perceptual_loss.ipynb) |
# [Next: 3. Two teachers](03_two_teachers.ipynb)

# %%
import torch
import torch.nn.functional as F
from tutorial_lib import settings as config, zoo
from tutorial_lib.data.photographs import stereo_pair
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.flow.estimate import (
    estimate_flow, estimate_flow_and_mask, flows_from_reference)
from tutorial_lib.flow.occlusion import erode, traceable_mask
from tutorial_lib.flow.warp import inside, pixel_grid, warp as library_warp
from tutorial_lib.show import figures
from tutorial_lib.speed import seconds_per_frame

settings, style = config.scale(), config.style()
torch.manual_seed(settings.seed)
print(f"Scale: {settings.name}")

# %% [markdown]
# ## Five by five pixels
#
# One bright pixel, in two frames. What a flow says is already in this picture.

# %%
previous, current = torch.zeros(1, 1, 5, 5), torch.zeros(1, 1, 5, 5)
previous[..., 2, 1] = 1  # row 2, column 1
current[..., 2, 3] = 1  # row 2, column 3
figures.show(
    figures.images({"previous frame": previous, "current frame": current}, height=1.6),
    "Look for the way the pixel went: two to the right.",
    "Two pictures of five by five pixels; the bright one moves from column 1 to column "
    "3.",
)

# %% [markdown]
# A *flow* is two numbers a pixel: how far right, how far down, in pixels. All flows of this course
# that lead from a frame to the one before are *backward*: `flow[:, :, y, x]`, on the **current**
# frame's grid, says where that pixel was before.
#
# *Predict, then run:* to rebuild the current frame from the previous one, is the flow's first
# number $+2$ or $-2$?

# %% [markdown]
# The rule: the pixel $p$ of the result is looked up at $p + f(p)$.
#
# $$W(I, f)(p) = I\big(p + f(p)\big)$$

# %%
def warp(image, flow):
    height, width = image.shape[-2:]
    target = pixel_grid(height, width) + flow  # (N, 2, H, W), x first
    span = torch.tensor([width - 1, height - 1])
    grid = 2 * target.permute(0, 2, 3, 1) / span - 1  # grid_sample wants -1..1
    return F.grid_sample(image, grid, padding_mode="border", align_corners=True)


plus, minus = torch.zeros(1, 2, 5, 5), torch.zeros(1, 2, 5, 5)
plus[:, 0], minus[:, 0] = 2, -2

# %%
figures.show(
    figures.images({
        "current frame": current, "warp(previous, +2)": warp(previous, plus),
        "warp(previous, -2)": warp(previous, minus),
    }, height=1.6, largest=1),
    "Look for the one that equals the current frame. Looking back, the pixel was two to "
    "the *left*: -2.",
    "The current frame, and the previous one warped with either sign; minus two is "
    "right.",
)
for name, candidate in {"+2": plus, "-2": minus}.items():
    print(f"warp(previous, {name}) is the current frame:", torch.allclose(warp(previous, candidate), current))
assert torch.allclose(warp(previous, minus), current)
assert torch.allclose(library_warp(previous, minus), warp(previous, minus))

# %% [markdown]
# Two more things to see in the small. What is looked up *between* pixels is a mixture
# (bilinear), and what is looked up *outside* repeats the edge.
#
# *Predict, then run:* the flow is half a pixel to the left, everywhere. How bright is the
# brightest pixel?

# %%
half = torch.zeros(1, 2, 5, 5)
half[:, 0] = -0.5
mixed = warp(previous, half)
print(f"{mixed[0, 0, 2].tolist()}: the brightest pixel is at {mixed.max():.1f}")
assert mixed.max() == 0.5
assert torch.allclose(warp(current, torch.zeros(1, 2, 5, 5)), current, atol=1e-4)

# %% [markdown]
# So warping blurs a little each time. Remember it: a network that is fed its own warped output
# has to sharpen it again.
#
# ## Flow as colours
#
# The hue is the direction, the saturation the speed. White is no motion. This wheel is the key to
# all flow pictures of the course.
#
# Mind the sign: a *backward* flow leads to where a pixel came *from*, so its colour points **against** the motion. What
# moves to the left is red.

# %%
centre = torch.tensor([32.0, 32.0])[None, :, None, None]
outwards = pixel_grid(65, 65) - centre
wheel = figures.flow_picture(outwards * (outwards.norm(dim=1) <= 32))
figures.show(
    figures.images({"every pixel flows away from the centre": wheel}, height=2),
    "Look for the colour of 'right' (red), and for its opposite.",
    "A colour wheel: red to the right, then around through all hues.",
)

# %% [markdown]
# ## A film with exact flow
#
# The course renders its own films, so it knows where every pixel was. This one has two people
# moving past each other under a shaking camera.

# %%
height, width = min(settings.evaluation_height, 128), min(settings.evaluation_width, 300)
film = test_scene("ambush_5", height, width, 5)
previous, current = film.frame(2), film.frame(3)
flow, mask = film.flow(3, 2), film.mask(3, 2)  # frame 3 back into frame 2
assert flow.shape == (1, 2, height, width) and mask.shape == (1, 1, height, width)
assert torch.allclose(warp(previous, flow), library_warp(previous, flow))

# %%
figures.show(
    figures.images({
        "previous": previous, "current": current, "backward flow": figures.flow_picture(flow),
    }, height=1.5),
    "Two frames and the exact flow between them. Look for who comes from where, with the "
    "wheel: each moves the other way.",
    "Two frames of a snowy scene with two people, and a colourful map of their motion.",
)
speed = flow.norm(dim=1)
print(f"The fastest pixel moves {speed.max():.1f} pixels, the median {speed.median():.1f}.")
across = flow[0, 0].flatten()[speed.argmax()]
sides = ("right", "left") if across > 0 else ("left", "right")
print(f"The fastest has a backward flow of {across:+.1f} across: it comes from the {sides[0]}, "
      f"so it moves to the {sides[1]}.")

# %% [markdown]
# *Predict, then run:* we subtract the previous frame from the current one, once as it is and once
# warped. What will be left in the second difference?

# %%
def difference(a, b):
    return (a - b).abs().mean(1)


plain = difference(current, previous)
undone = difference(current, warp(previous, flow))
masked = mask[0] * undone
maps = {"without warping": plain, "with warping": undone, "with warping, masked": masked}
figures.show(
    figures.images(maps, height=1.5, largest=plain.max().item() / 2),
    "Bright = different. Look for what warping cannot explain: rims of things that "
    "moved, and the borders.",
    "Three maps of differences: large without warping, thin rims with it, nearly "
    "nothing once masked.",
)
print("; ".join(f"{name}: {value.mean():.4f} on average" for name, value in maps.items()))
hidden = 1 - mask[0]
print(f"{(hidden * undone).sum() / undone.sum():.0%} of what is left lies in the {hidden.mean():.0%} of the pixels "
      "that cannot be traced.")
clean = difference(film.frame(3, "clean"), warp(film.frame(2, "clean"), flow))
print(f"In the others: {masked.sum() / mask.sum():.4f} on average, "
      f"and {(mask[0] * clean).sum() / mask.sum():.4f} if the camera had no faults.")
assert masked.mean() < undone.mean() < plain.mean()

# %% [markdown]
# What is left inside is mostly the camera's: grain, and light that changes. The rims are *occlusions*: the pixel was
# hidden behind something in the previous frame, so it came from nowhere. No flow can fetch it, and a *mask* has to
# say so: 1 = traceable, 0 = not.
#
# ## Estimated flow
#
# For a real film nobody knows the flow. DIS (*dense inverse search*, Kroeger et al. 2016)
# estimates it from the two pictures alone. *Predict, then run:* where will it be wrong?

# %%
estimated = estimate_flow(current, previous)
largest = flow.norm(dim=1).max().item()
error = (estimated - flow).norm(dim=1)  # (1, H, W), in pixels
figures.show(
    figures.images({
        "exact": figures.flow_picture(flow, largest),
        "estimated": figures.flow_picture(estimated, largest), "end-point error": error,
    }, height=1.5),
    "Look for the rims: an estimate does not know where one thing ends and the next begins.",
    "The exact flow, the estimated flow, and the length of their difference.",
)
near = erode(mask)[0] == 0  # within 3 pixels of something that cannot be traced
print(f"End-point error near rims and borders: {error[near].mean():.2f} pixels; "
      f"elsewhere: {error[~near].mean():.2f}.")

# %% [markdown]
# The *end-point error* is the length of the difference between the two arrows, in pixels.

# %%
for method in ("dis-ultrafast", "dis-fast", "dis"):
    error = (estimate_flow(current, previous, method) - flow).norm(dim=1, keepdim=True)
    traceable = (error * mask).sum() / mask.sum()
    print(f"{method:14} error {error.mean():.2f} pixels, {traceable:.2f} where traceable")
assert error.mean() < flow.norm(dim=1).mean()  # better than "nothing moves"

# %% [markdown]
# ## A real ground truth
#
# A rendered film might flatter an estimator. Scikit-image contains a real pair of photographs, left
# and right eye, with the *measured* shift of each pixel. Between two eyes everything moves to
# the left, near things far.

# %%
left, right, measured, known = stereo_pair()
guessed = estimate_flow(left, right)
shifts = {"measured": -measured[:, 0] * known[:, 0],
          "estimated": -guessed[:, 0].clamp(max=0) * known[:, 0]}
figures.show(
    figures.images({"left eye": left, **shifts}, height=1.9),
    "Bright = a large shift = near; black = not measured. Look for the frame of the "
    "motorcycle.",
    "A motorcycle, and its measured and estimated shifts as maps.",
)

# %%
error = (guessed - measured).norm(dim=1, keepdim=True)
measured_error = (error * known).sum() / known.sum()
errors, furthest = error[known > 0], measured.abs().max()
median, lost = errors.median(), errors > 3
print(f"DIS is off by {measured_error:.2f} pixels on average, by {median:.2f} at the median; "
      f"the largest shift is {furthest:.0f} pixels.")
print(f"{(errors < 1).float().mean():.0%} of the pixels are right to a pixel. {lost.float().mean():.0%} are off by "
      f"more than 3, and make {errors[lost].sum() / errors.sum():.0%} of the whole error.")
assert 0 < median < furthest

# %% [markdown]
# The median is small and the mean is not: most pixels are right, some are lost completely. Without
# the truth, how do we know which?
#
# ## There and back
#
# Follow the flow into the other frame, then follow *its* flow back. Whoever does not come home is
# not to be trusted:
#
# $$|f + \bar f|^2 \ge 0.01\,(|f|^2 + |\bar f|^2) + 0.5$$
#
# with $\bar f$ the way back, looked up where $f$ leads.

# %%
def there_and_back(flow, reverse_flow):
    way_back = warp(reverse_flow, flow)
    gap = (flow + way_back).square().sum(1, keepdim=True)
    lengths = flow.square().sum(1, keepdim=True) + way_back.square().sum(1, keepdim=True)
    return (gap < 0.01 * lengths + 0.5).float()

# %% [markdown]
# Two more reasons for distrust: the pixel leaves the picture, or the flow changes abruptly (a
# motion boundary, where an estimate is a guess):
#
# $$|\nabla f|^2 > 0.01\,|f|^2 + 0.002$$
#
# The constants are Ruder et al.'s (reference [34] of the paper).

# %%
def smooth(flow):
    right = F.pad(flow[..., :, 1:] - flow[..., :, :-1], (0, 1, 0, 0))
    down = F.pad(flow[..., 1:, :] - flow[..., :-1, :], (0, 0, 0, 1))
    steepness = (right.square() + down.square()).sum(1, keepdim=True)
    return (steepness <= 0.01 * flow.square().sum(1, keepdim=True) + 0.002).float()


estimated, reverse = estimate_flow(current, previous), estimate_flow(previous, current)
checks = {
    "there and back": there_and_back(estimated, reverse),
    "stays inside": inside(estimated),
    "no boundary": smooth(estimated),
}

# %%
trusted = checks["there and back"] * checks["stays inside"] * checks["no boundary"]
figures.show(
    figures.images({**checks, "all three": trusted, "exact mask": mask, "current": current},
                   columns=3, height=1.5, largest=1),
    "Black = not to be trusted. Look for which check finds what, and for what the exact "
    "mask knows better.",
    "Three masks, their product, the exact mask, and the frame.",
)
assert torch.equal(trusted, traceable_mask(estimated, reverse))
assert torch.equal(trusted, estimate_flow_and_mask(current, previous)[1])

# %%
error = (estimated - flow).norm(dim=1, keepdim=True)
bad, caught = 1 - mask, (1 - mask) * (1 - trusted)
print(f"{(trusted == mask).float().mean():.0%} of the pixels get the same verdict as from the exact mask; "
      f"a check that trusts everything would get {mask.mean():.0%}.")
print(f"Of the pixels that cannot be traced it finds {caught.sum() / bad.sum():.0%} (recall); "
      f"of those that it distrusts, {caught.sum() / (1 - trusted).sum():.0%} cannot be traced (precision).")
print(f"End-point error where trusted {(error * trusted).sum() / trusted.sum():.2f} pixels, "
      f"elsewhere {(error * (1 - trusted)).sum() / (1 - trusted).sum():.2f}.")
assert 0 < caught.sum() <= bad.sum()

# %% [markdown]
# Agreement says little where most pixels are good. Recall and precision say more: the check finds some of the bad
# pixels without knowing the truth, and distrusts good ones as well. If the error is much larger where it distrusts, it
# has done its work.
#
# A teacher is more careful still, and shrinks the mask by three pixels on each side before it trusts it (`erode`). A
# good pixel that is distrusted costs it a bit of its past; a bad one that is trusted shows it the wrong place.

# %%
figures.show(
    figures.images({"mask": trusted, "eroded": erode(trusted)}, height=1.5, largest=1),
    "Look for how thin gaps grow: one bad pixel makes seven by seven bad ones.",
    "A mask, and the same mask with its gaps widened.",
)
assert erode(trusted).sum() <= trusted.sum()

# %% [markdown]
# ## The price of flow
#
# A painter of films that uses flow must estimate it for every frame, there and back. The paper reports
# that its teacher spends about 97 % of its time so, with a slower estimator and a GPU. *Predict, then
# run:* what is the share here, on your machine?

# %%
teacher, student = (zoo.load(f"{style}-{role}") for role in ("teacher-plain", "student-plain"))
times = {
    "one pass of a teacher": seconds_per_frame(lambda: teacher(current)),
    "flow and mask, DIS": seconds_per_frame(lambda: estimate_flow_and_mask(current, previous)),
    "one pass of a student": seconds_per_frame(lambda: student(current)),
}
look, search, pupil = times.values()
for name, seconds in times.items():
    print(f"{name:24} {1000 * seconds:7.1f} ms")
print(f"Flow would take {search / (look + search):.0%} of a teacher's time, and {search / (pupil + search):.0%} of "
      "that of a painter as small as the student.")

# %% [markdown]
# Do not be surprised if the share is small. DIS is a fast estimator, and a processor is slow at networks. A GPU
# speeds up the pass and does nothing for DIS, which runs on the processor. And other estimators are far
# slower: `RESULTS.md` has DeepFlow and RAFT beside DIS ("The price of flow"). Where the network is fast, flow is the
# bottleneck.

# %% [markdown]
# ## From one frame to all others
#
# Low-rank distillation (notebook 6, Eq. 6) needs flow from the *middle* frame into every frame of a
# short clip. Warped along it, all frames should show the same picture.
#
# *Predict, then run:* after warping, which of the five will have the most holes?

# %%
clip = torch.cat([film.frame(t) for t in range(5)])
flows, masks = flows_from_reference(clip, reference=2)
aligned = masks * library_warp(clip, flows)
holes = {f"frame {t}": 1 - mask.mean().item() for t, mask in enumerate(masks)}
print("Not traceable:", {name: f"{share:.0%}" for name, share in holes.items()})
print(f"Most holes: {max(holes, key=holes.get)}.")
assert flows[2].abs().max() == 0 and masks[2].min() == 1
assert torch.allclose(aligned[2], clip[2], atol=1e-4)

# %%
rows = {f"frame {t}": frame for t, frame in enumerate(clip)}
rows |= {f"{t} seen from 2": frame for t, frame in enumerate(aligned)}
figures.show(
    figures.images(rows, columns=5, height=0.95),
    "Top: the clip. Bottom: each frame warped to the middle one; black = not traceable. "
    "Look for whether the people stand still now.",
    "Five frames with moving people, and below the same five aligned to the middle one.",
)
common = masks.amin(0).expand_as(clip[0]) > 0  # traceable in every frame
spread = {"as filmed": clip.std(0)[common].mean(), "aligned": aligned.std(0)[common].mean()}
print("Deviation over the five frames, where all are traceable:",
      {name: round(value.item(), 4) for name, value in spread.items()})
assert spread["aligned"] < spread["as filmed"]

# %% [markdown]
# ## Summary
#
# Backward flow says, on the current frame's grid, where each pixel was; warping looks it up there.
# Where a pixel was hidden, left the picture or lies on a motion boundary, no flow can be trusted. Going there and
# back finds such places without the truth, though not all of them. All temporal terms of the paper are built of $W$
# and such masks. At test time flow costs a search for every frame: the price that distillation
# removes.

# %% [markdown]
# ## Exercises
#
# 1. Warp the *current* frame to the previous one. Which flow do you need, and on whose grid is it?
#    <details><summary>Hint</summary><code>film.flow(2, 3)</code>. Negating the backward flow is
#    nearly right where things move alike, and wrong at their rims. Why?</details>
# 2. Follow a pixel from frame 4 to frame 0, once by composing four flows and once directly. Which
#    is closer to the exact flow?
#    <details><summary>Hint</summary><code>from tutorial_lib.flow.warp import compose</code>, then
#    <code>compose(first, second)</code>; <code>film.flow(4, 0)</code> is the truth.</details>
# 3. Warp a frame by half a pixel to the right and back again, ten times. What is lost, and where have
#    you seen this before?
#    <details><summary>Hint</summary><code>from tutorial_lib.evaluation import sharpness</code>, then
#    <code>sharpness(frame)</code> puts a number on it.</details>
#
# [Next: 3. Two teachers](03_two_teachers.ipynb)
