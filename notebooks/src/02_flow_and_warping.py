# %% [markdown]
# # 2. Optical flow and warping: where did each pixel come from?
#
# **You will be able to**
# - read a flow as numbers and as colours, and get its sign right;
# - write `warp`, which moves a picture along a flow, in five lines;
# - measure how wrong a flow is, and find some of the places where it is wrong without the truth;
# - say what flow costs, which is why the paper wants to be rid of it.
#
# **You need** [notebook 0](00_start_here.ipynb).
# **Time**: about 90 minutes to read and work. Every cell together runs about 1 minute on a laptop without a GPU.
# `OFD_SCALE` sets the size of everything (default `laptop`), `OFD_STYLE` the style.
#
# [Previous: 1. The perceptual loss](01_perceptual_loss.ipynb) |
# [Next: 3. Two teachers](03_two_teachers.ipynb)

# %%
import torch
import torch.nn.functional as F
from tutorial_lib import checks, settings as config, zoo
from tutorial_lib.data.photographs import stereo_pair
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.flow.estimate import (
    estimate_flow, estimate_flow_and_mask, flows_from_reference)
from tutorial_lib.flow.occlusion import erode, traceable_mask
from tutorial_lib.flow.warp import inside, pixel_grid
from tutorial_lib.show import figures
from tutorial_lib.show.viewers.flow import flow_viewer
from tutorial_lib.show.diagrams.look_up import look_up
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
# A *flow* is two numbers a pixel: how far right, how far down, in pixels. One that leads from a frame to the one before is
# *backward*: `flow[:, :, y, x]`, on the **current** frame's grid, is the way from that pixel to where it was before.
#
# **Predict, then run.** To rebuild the current frame from the previous one, is the flow's first
# number $+2$ or $-2$?

# %% [markdown]
# The rule: the pixel $p$ of the result is looked up at $p + f(p)$ of the picture $I$.
#
# $$W(I, f)(p) = I\big(p + f(p)\big)$$
#
# That place seldom is the centre of a pixel. Then the four around it are mixed, each with the more weight the nearer
# it is (*bilinear*).

# %%
figures.show(
    look_up((3, 2), (-1.8, 0.5)),
    "The pixel p of frame t, in column 3 and row 2, has the flow (-1.8, +0.5). Look for its own place in frame t-1 "
    "(dotted), for the place to which the flow leads from there (the dot), and for the four weights.",
    "Two grids of five by five pixels. From the pixel p of the right one, frame t, a dashed arrow leads to the same "
    "place in frame t-1, and from there the flow leads between four pixels, with the weights 0.4, 0.1, 0.4 and 0.1.",
)

# %% [markdown]
# By hand, in a picture whose pixels hold the number of their own place, `10 * row + column`. The dot is in
# column $3 - 1.8 = 1.2$ and row $2 + 0.5 = 2.5$.
#
# **Predict, then run.** Which number will come out?

# %%
places = torch.tensor([[10.0 * row + column for column in range(5)] for row in range(5)])
print(places.int())
column, row = 3 - 1.8, 2 + 0.5
parts = [((1 - 0.2) * (1 - 0.5), places[2, 1]), (0.2 * (1 - 0.5), places[2, 2]),
         ((1 - 0.2) * 0.5, places[3, 1]), (0.2 * 0.5, places[3, 2])]
print(" + ".join(f"{weight:.1f} * {value:.0f}" for weight, value in parts),
      f"= {sum(weight * value for weight, value in parts):.1f}")
print(f"and 10 * row + column = {10 * row + column:.1f}")

# %% [markdown]
# **Yours to write**: `warp`. PyTorch's `F.grid_sample(image, grid)` does the looking up and the mixing. It wants `grid` as
# (N, H, W, 2), x first, and does not count pixels: $-1$ is the centre of the first pixel, $+1$ that of the last.
# `pixel_grid(H, W)` holds every pixel's own place, (1, 2, H, W), x first. Beyond the border the nearest pixel counts.
#
# <details><summary>Hint 1: two steps</summary>First the places <code>p + f(p)</code>, in pixels, for all p at once. Then the
# same places in grid_sample's unit.</details>
# <details><summary>Hint 2: the unit</summary>x runs from 0 to W - 1, and has to run from -1 to 1: what do you multiply by,
# and what do you subtract? A tensor [W - 1, H - 1] does x and y together, once they are the last dimension
# (<code>permute(0, 2, 3, 1)</code>).</details>
# <details><summary>Hint 3: two options</summary><code>align_corners=True</code> says that -1 and 1 are centres of pixels,
# <code>padding_mode="border"</code> that the nearest pixel counts beyond the border.</details>

# %%
def warp(image, flow):
    """Looks every pixel p up at p + f(p).

    image: (N, C, H, W). flow: (N, 2, H, W), in pixels, [:, 0] to the right and [:, 1] down. Returns (N, C, H, W).
    """
    ### BEGIN SOLUTION
    height, width = image.shape[-2:]
    target = pixel_grid(height, width) + flow  # (N, 2, H, W), x first
    span = torch.tensor([width - 1, height - 1])
    grid = 2 * target.permute(0, 2, 3, 1) / span - 1  # (N, H, W, 2), from -1 to 1
    return F.grid_sample(image, grid, padding_mode="border", align_corners=True)
    ### END SOLUTION


# %% tags=["check"]
checks.warp(warp)

# %% [markdown]
# Whatever yours does, from here on the notebook takes the course's own. Now the bright pixel, with both signs:

# %%
from tutorial_lib.flow.warp import warp

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

# %% [markdown]
# **Question.** A camera turns to the right, so that everything in its picture moves 3 pixels to the *left* from frame
# to frame. What is the backward flow?
#
# <details><summary>A. (-3, 0) at every pixel.</summary>That is the motion, the <em>forward</em> flow. Backward asks where a
# pixel came from.</details>
# <details><summary>B. (+3, 0) at every pixel.</summary>Right: what stands here now was 3 pixels further to the right
# before.</details>
# <details><summary>C. (0, 0): the things stand still, only the camera moves.</summary>A flow knows no things and no
# cameras. It says how the picture moves, whoever is to blame.</details>

# %% [markdown]
# One more thing to see in the small.
#
# **Predict, then run.** The flow is half a pixel to the left, everywhere. How bright is the
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
# The same numbers under your finger. Drag over the current frame, `frame t`: what does the flow of the wheel say, and of the
# snow? Which pixels cannot be followed?

# %%
flow_viewer(current, previous, flow, mask)

# %% [markdown]
# **Predict, then run.** We subtract the previous frame from the current one, once as it is and once
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

# %% [markdown]
# In one row of five pixels: a person, 9, walks two pixels to the right in front of a wall, 1 2 3 4 5. The wall does not
# move, the person does.
#
# **Predict, then run.** What does the warped previous frame show where the wall has come out from behind the person?

# %%
row_before, row_now = torch.tensor([1.0, 9, 3, 4, 5]), torch.tensor([1.0, 2, 3, 9, 5])
row_flow = torch.zeros(1, 2, 1, 5)
row_flow[0, 0, 0, 3] = -2      # the person, on the current frame's grid
print("previous", row_before.int().tolist())
print("current ", row_now.int().tolist())
print("warped  ", warp(row_before.view(1, 1, 1, 5), row_flow).flatten().int().tolist())

# %% [markdown]
# **Question.** Two persons now, where there was one. Why?
#
# <details><summary>A. The flow of the wall is wrong in column 1.</summary>It is right: the wall does not move, and its flow is
# 0. That is just why it fetches what stood in its place.</details>
# <details><summary>B. In column 1 the previous frame has the person, and the wall behind it cannot be seen.</summary>Right. No
# number that one could write into the flow there would lead to that piece of wall: it is in no pixel of the previous
# frame. Only a mask helps.</details>
# <details><summary>C. warp forgets to erase the person where it was.</summary>warp moves nothing and so has nothing to erase:
# it looks up, for each pixel of the <em>new</em> picture.</details>

# %% [markdown]
# ## Estimated flow
#
# For a real film nobody knows the flow. DIS (*dense inverse search*, Kroeger et al. 2016)
# estimates it from the two pictures alone. **Predict, then run.** Where will it be wrong?

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
# The *end-point error* is the length of the difference between the two arrows, in pixels. One flow says $(-2, 1)$, the
# truth is $(1, 5)$: their difference is $(-3, -4)$, and its length $\sqrt{9 + 16} = 5$.
#
# **Yours to write**: the mean of it over the pixels that can be traced.
#
# <details><summary>Hint 1: a map of lengths</summary><code>norm(dim=1)</code> takes the root of u² + v² at every pixel.
# <code>keepdim=True</code> leaves the shape of a mask, (N, 1, H, W).</details>
# <details><summary>Hint 2: a mean where the mask is 1</summary>Times the mask, summed up. And divided by how
# many?</details>

# %%
def end_point_error(estimated, exact, mask):
    """The mean length of estimated - exact where the mask is 1.

    estimated, exact: (N, 2, H, W). mask: (N, 1, H, W), 1 or 0. Returns a scalar, in pixels.
    """
    ### BEGIN SOLUTION
    length = (estimated - exact).norm(dim=1, keepdim=True)  # (N, 1, H, W)
    return (length * mask).sum() / mask.sum()
    ### END SOLUTION


# %% tags=["check"]
checks.end_point_error(end_point_error)

# %% [markdown]
# Again the course's own takes over. **Predict, then run.** Of three settings of DIS, from the fastest to the most careful,
# which errs least? And is the error larger over all pixels, or over those that can be traced?

# %%
def end_point_error(estimated, exact, mask):
    return ((estimated - exact).norm(dim=1, keepdim=True) * mask).sum() / mask.sum()


everywhere = torch.ones_like(mask)
for method in ("dis-ultrafast", "dis-fast", "dis"):
    guess = estimate_flow(current, previous, method)
    print(f"{method:14} error {end_point_error(guess, flow, everywhere):.2f} pixels, "
          f"{end_point_error(guess, flow, mask):.2f} where traceable")
assert end_point_error(guess, flow, everywhere) < flow.norm(dim=1).mean()  # better than "nothing moves"

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
measured_error = end_point_error(guessed, measured, known)
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
# with $\bar f$ the way back, looked up where $f$ leads. In the row of five pixels:

# %%
row_reverse = torch.zeros(1, 2, 1, 5)
row_reverse[0, 0, 0, 1] = 2      # the person, on the previous frame's grid
for column in range(5):
    there = row_flow[0, 0, 0, column].item()
    back = row_reverse[0, 0, 0, column + int(there)].item()
    missed, allowed = (there + back) ** 2, 0.01 * (there**2 + back**2) + 0.5
    print(f"column {column}: there {there:+.0f}, back {back:+.0f}, missed by {missed:.0f}, allowed {allowed:.2f}: "
          f"{'comes home' if missed < allowed else 'lost'}")

# %% [markdown]
# Column 3 goes back with the person and comes home. Column 1 is the wall that was hidden: it stays, finds the person in its
# place and is carried away.
#
# **Yours to write**: `there_and_back`, 1 for who comes home and 0 for who is lost.
#
# <details><summary>Hint 1: the way back</summary>It is on the <em>other</em> frame's grid. Looking it up where the flow leads is
# what <code>warp</code> does: which of the two flows is the picture, and which the flow?</details>
# <details><summary>Hint 2: squared lengths</summary><code>arrows.square().sum(1, keepdim=True)</code>, for the gap and for both
# ways.</details>
# <details><summary>Hint 3: from a comparison to a mask</summary><code>(a &lt; b).float()</code>. The formula tells who is
# lost.</details>

# %%
def there_and_back(flow, reverse_flow):
    """1 where a pixel that follows the flow and then the reverse flow comes home, 0 where it does not.

    flow, reverse_flow: (N, 2, H, W), the second on the grid of the frame into which the first leads.
    Returns (N, 1, H, W).
    """
    ### BEGIN SOLUTION
    way_back = warp(reverse_flow, flow)
    gap = (flow + way_back).square().sum(1, keepdim=True)
    lengths = flow.square().sum(1, keepdim=True) + way_back.square().sum(1, keepdim=True)
    return (gap < 0.01 * lengths + 0.5).float()
    ### END SOLUTION


# %% tags=["check"]
checks.there_and_back(there_and_back)

# %% [markdown]
# Two more reasons for distrust: the pixel leaves the picture, or the flow changes abruptly (a
# motion boundary, where an estimate is a guess):
#
# $$|\nabla f|^2 > 0.01\,|f|^2 + 0.002$$
#
# The constants are Ruder et al.'s (reference [34] of the paper).

# %%
def there_and_back(flow, reverse_flow):
    way_back = warp(reverse_flow, flow)
    gap = (flow + way_back).square().sum(1, keepdim=True)
    lengths = flow.square().sum(1, keepdim=True) + way_back.square().sum(1, keepdim=True)
    return (gap < 0.01 * lengths + 0.5).float()


def smooth(flow):
    right = F.pad(flow[..., :, 1:] - flow[..., :, :-1], (0, 1, 0, 0))
    down = F.pad(flow[..., 1:, :] - flow[..., :-1, :], (0, 0, 0, 1))
    steepness = (right.square() + down.square()).sum(1, keepdim=True)
    return (steepness <= 0.01 * flow.square().sum(1, keepdim=True) + 0.002).float()


estimated, reverse = estimate_flow(current, previous), estimate_flow(previous, current)
tests = {
    "there and back": there_and_back(estimated, reverse),
    "stays inside": inside(estimated),
    "no boundary": smooth(estimated),
}

# %%
trusted = tests["there and back"] * tests["stays inside"] * tests["no boundary"]
figures.show(
    figures.images({**tests, "all three": trusted, "exact mask": mask, "current": current},
                   columns=3, height=1.5, largest=1),
    "Black = not to be trusted. Look for which test finds what, and for what the exact "
    "mask knows better.",
    "Three masks, their product, the exact mask, and the frame.",
)
assert torch.equal(trusted, traceable_mask(estimated, reverse))
assert torch.equal(trusted, estimate_flow_and_mask(current, previous)[1])

# %%
bad, caught = 1 - mask, (1 - mask) * (1 - trusted)
print(f"{(trusted == mask).float().mean():.0%} of the pixels get the same verdict as from the exact mask; "
      f"a test that trusts everything would get {mask.mean():.0%}.")
print(f"Of the pixels that cannot be traced it finds {caught.sum() / bad.sum():.0%} (recall); "
      f"of those that it distrusts, {caught.sum() / (1 - trusted).sum():.0%} cannot be traced (precision).")
print(f"End-point error where trusted {end_point_error(estimated, flow, trusted):.2f} pixels, "
      f"elsewhere {end_point_error(estimated, flow, 1 - trusted):.2f}.")
assert 0 < caught.sum() <= bad.sum()

# %% [markdown]
# Agreement says little where most pixels are good. Recall and precision say more: the tests find some of the bad
# pixels without knowing the truth, and distrust good ones as well. The exact mask is strict: it calls untraceable what is
# hidden, what has left the picture, and every pixel at an edge, where two colours mix. If the error is much larger where
# the tests distrust, they have done their work.

# %% [markdown]
# **Question.** A broken estimator answers "nothing moves", there and back, for every pair of frames. What does
# `there_and_back` say?
#
# <details><summary>A. 1 everywhere: every pixel comes home.</summary>Right: 0 + 0 = 0. Going there and back tests whether two
# answers agree, and two wrong answers may.</details>
# <details><summary>B. 0 where something moves: there the flow is wrong.</summary>It would have to know the truth for that. It
# sees the two flows and no picture.</details>
# <details><summary>C. 0 everywhere: 0 is not smaller than 0.01 times 0.</summary>The 0.5 is there for that: 0 is smaller than
# 0.5.</details>

# %% [markdown]
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
# that its teacher spends about 97 % of its time so, with a slower estimator and a GPU. **Predict, then
# run.** What is the share here, on your machine?

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
# **Question.** The same machine gets a GPU that makes the network ten times as fast. DIS stays on the processor. What
# becomes of flow's share of the time of a frame?
#
# <details><summary>A. It falls: everything is faster now.</summary>A frame is faster, but not its flow, which waits on the
# processor as before.</details>
# <details><summary>B. It stays: both are needed for every frame, as before.</summary>They are needed as often; a share also
# depends on how long each takes.</details>
# <details><summary>C. It grows: flow takes as long as before, out of a shorter whole.</summary>Right. The faster the painter, the
# more of its time is flow. Say that a quarter of the time was flow's and three quarters the network's. A tenth of
# 0.75 is 0.075, so flow now takes 0.25 / (0.25 + 0.075), about three quarters.</details>

# %% [markdown]
# ## From one frame to all others
#
# Low-rank distillation (notebook 6, Eq. 6) needs flow from the *middle* frame into every frame of a
# short clip. Warped along it, all frames should show the same picture.
#
# **Predict, then run.** After warping, which of the five will have the most holes, pixels that cannot be traced?

# %%
clip = torch.cat([film.frame(t) for t in range(5)])
flows, masks = flows_from_reference(clip, reference=2)
aligned = masks * warp(clip, flows)
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
# Where a pixel was hidden, left the picture or lies on a motion boundary, no flow can be trusted. Three tests find some of
# these places without the truth, one of them by going there and back. All temporal terms of the paper are built of $W$
# and such masks. At test time flow costs a search for every frame: the price that distillation
# removes.

# %% [markdown]
# ## Exercises
#
# **Exercise 1.** Warp the *current* frame to the previous one. Which flow do you need, and on whose grid is it? Try the
# backward flow with its sign turned, too. Where is it wrong, and why does it do so well elsewhere?
#
# <details><summary>Hint</summary><code>film.flow(2, 3)</code> and <code>film.mask(2, 3)</code>: from frame 2 into frame 3. The
# backward flow's numbers stand on frame 3's grid, on pixels that show something else in frame 2.</details>

# %% tags=["solution"]
# Exercise 1: a solution
forward, seen = film.flow(2, 3), film.mask(2, 3)      # on frame 2's grid
candidates = {"from 2 to 3": forward, "minus the backward one": -flow, "the backward one": flow}
left_over = {name: seen[0] * difference(previous, warp(current, guess)) for name, guess in candidates.items()}
gone = (-flow - forward).norm(dim=1, keepdim=True) * seen
figures.show(
    figures.images({**left_over, "error of minus the backward one": gone}, columns=2, height=1.5),
    "What is left between the previous frame and the current one warped to it, by three flows, and how wrong the "
    "turned flow is. All masked, each with a scale of its own. Look at the rims of the people.",
    "Three maps of differences, and a map of the error of a flow.",
)
for name, guess in candidates.items():
    print(f"{name:22} difference {left_over[name].mean() / seen.mean():.4f}, "
          f"end-point error {end_point_error(guess, forward, seen):.2f} pixels")
other = 1 - film.mask(3, 2)      # places where frame 3 has what cannot be followed to frame 2
print(f"{(gone * other).sum() / gone.sum():.0%} of the error of the turned flow lies in {other.mean():.0%} of the places, "
      "those where frame 3")
print("has come to show something else than frame 2 shows there: the flow that stands there is not this pixel's.")

# %% [markdown]
# **Exercise 2.** Follow the pixels of frame 4 to frame 0, once by composing four estimated flows and once by estimating
# directly. Which is closer to the exact flow? Is it the same one in `bandage_2`, and in `market_6`?
#
# <details><summary>Hint</summary><code>from tutorial_lib.flow.warp import compose</code>, then
# <code>compose(first, second)</code>; <code>film.flow(4, 0)</code> and <code>film.mask(4, 0)</code> are the truth. How far do
# things move in each film?</details>

# %% tags=["solution"]
# Exercise 2: a solution
from tutorial_lib.flow.warp import compose

print(f"{'':10}{'moved by':>10}{'in four steps':>15}{'directly':>10}")
for name in ("bandage_2", "ambush_5", "market_6"):
    other = test_scene(name, height, width, 5)
    truth, traced = other.flow(4, 0), other.mask(4, 0)
    composed = torch.zeros_like(truth)
    for t in (4, 3, 2, 1):
        composed = compose(composed, estimate_flow(other.frame(t), other.frame(t - 1)))
    directly = estimate_flow(other.frame(4), other.frame(0))
    print(f"{name:10}{end_point_error(0 * truth, truth, traced):10.2f}{end_point_error(composed, truth, traced):15.2f}"
          f"{end_point_error(directly, truth, traced):10.2f}")
print("(All in pixels, on average where traceable.) Every step adds its own error, so one step is better as long as it")
print("is found at all. A search begins at 'nothing moves', and what has gone far it may not find.")

# %% [markdown]
# **Exercise 3.** Warp a frame by half a pixel to the right and back again, ten times. What is lost, how fast, and where
# have you seen this before?
#
# <details><summary>Hint</summary><code>from tutorial_lib.evaluation import sharpness</code>, then
# <code>sharpness(frame)</code> puts a number on it.</details>

# %% tags=["solution"]
# Exercise 3: a solution
from tutorial_lib.evaluation import sharpness

half = torch.zeros_like(flow)
half[:, 0] = 0.5
rounds, sharp = [current], [sharpness(current)]
for _ in range(10):
    rounds.append(warp(warp(rounds[-1], half), -half))
    sharp.append(sharpness(rounds[-1]))
corner = {f"{n} times": rounds[n][..., height // 4:, width // 3:2 * width // 3] for n in (0, 1, 10)}
figures.show(
    figures.images(corner, height=1.9),
    "A piece of the frame, after 0, 1 and 10 times there and back. Look for the grain first, then for the edges.",
    "Three pictures of the same piece, each more blurred.",
)
print("sharpness:", [round(value / sharp[0], 2) for value in sharp])
print(f"The first time takes {1 - sharp[1] / sharp[0]:.0%}, the tenth {1 - sharp[10] / sharp[9]:.0%}: "
      "fine grain goes at once, and what is left is coarse.")
print("A network that is fed its own warped painting is fed this blur, frame after frame (notebook 3).")

# %% [markdown]
# **Exercise 4.** Three tests make the mask. What does each find by itself, and what would be missed without it? And is it
# the fault of `there_and_back` or of the estimated flow? Give it the exact flow, both ways.
#
# <details><summary>Hint</summary>Recall and precision of each of <code>tests</code>, against the exact
# <code>mask</code>; then of the product of the other two. <code>film.flow(2, 3)</code> is the exact way
# back.</details>

# %% tags=["solution"]
# Exercise 4: a solution
def verdict(trusted):
    """Recall and precision: of the bad pixels, how many are distrusted, and of the distrusted, how many are bad."""
    caught = ((1 - mask) * (1 - trusted)).sum()
    return (caught / (1 - mask).sum()).item(), (caught / (1 - trusted).sum().clamp(min=1)).item()


print(f"{'':16}{'recall':>8}{'precision':>11}{'recall of the other two':>25}")
recall, without = {}, {}
for name, found in tests.items():
    others = torch.stack([other for key, other in tests.items() if key != name]).prod(0)
    (recall[name], precision), without[name] = verdict(found), verdict(others)[0]
    print(f"{name:16}{recall[name]:8.0%}{precision:11.0%}{without[name]:25.0%}")
together, precision = verdict(trusted)
print(f"{'all three':16}{together:8.0%}{precision:11.0%}")
ideal, ideal_precision = verdict(there_and_back(flow, film.flow(2, 3)))
print(f"Most is found by '{max(recall, key=recall.get)}'; most is missed without '{min(without, key=without.get)}'.")
print(f"With exact flow there and back, the way there and back has a precision of {ideal_precision:.0%} and a recall of "
      f"{ideal:.0%}:")
print(("what it calls lost is lost. " if ideal_precision > 0.99 else "") +
      "The other bad pixels of the exact mask have left the picture, or lie at an edge.")

# %% [markdown]
# ## Further reading
#
# - Ruder, Dosovitskiy, Brox, [Artistic style transfer for videos and spherical images](https://arxiv.org/abs/1708.04538)
#   (2018), reference [34] of the paper: the tests of this notebook, and the teacher of the next.
# - Kroeger et al., [Fast optical flow using dense inverse search](https://arxiv.org/abs/1603.03590) (2016): DIS.
# - Jaderberg et al., [Spatial transformer networks](https://arxiv.org/abs/1506.02025) (2015): a network that warps, and
#   the gradient of bilinear sampling.
# - Teed, Deng, [RAFT](https://arxiv.org/abs/2003.12039) (2020): flow by a network.
#
# [Next: 3. Two teachers](03_two_teachers.ipynb)
