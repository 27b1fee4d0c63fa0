"""Optical flow behind one function: estimated, exact, or anybody's callable."""

from collections.abc import Callable

import cv2
import numpy as np
import torch

from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.occlusion import traceable_mask
from tutorial_lib.flow.warp import check_flow

FlowMethod = str | torch.Tensor | Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

DIS_PRESETS = {
    "dis-ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "dis-fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "dis": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


def estimate_flow(source: torch.Tensor, target: torch.Tensor, method: FlowMethod = "dis") -> torch.Tensor:
    """The flow on the grid of `source` that leads into `target`: source(p) is target(p + flow(p)).

    source, target: (N, 3, H, W) in [0, 1]. Returns (N, 2, H, W), pixels.
    method: "dis", "dis-fast" or "dis-ultrafast" (dense inverse search in OpenCV); "deepflow", where OpenCV comes with
    its contributed modules; a tensor (N, 2, H, W), which is taken as the exact flow; or any callable
    (source, target) -> flow, such as a RAFT network.
    Raises: TutorialError for an unknown or a missing method, or a flow or target of another size.
    Source: DIS is Kroeger et al. 2016, DeepFlow is Weinzaepfel et al. 2013.
    """
    if source.shape != target.shape:
        raise TutorialError(f"The two frames differ in shape: {tuple(source.shape)} and {tuple(target.shape)}.")
    if isinstance(method, torch.Tensor):
        flow = method
    elif callable(method):
        flow = method(source, target)
    else:
        flow = torch.cat([_opencv_flow(a, b, method) for a, b in zip(source, target, strict=True)])
    check_flow(source, flow)
    return flow.to(source.device)


def estimate_flow_and_mask(
    source: torch.Tensor, target: torch.Tensor, method: FlowMethod = "dis"
) -> tuple[torch.Tensor, torch.Tensor]:
    """`estimate_flow` and where it can be trusted: (N, 2, H, W) and (N, 1, H, W).

    The mask needs the way back too, so the method (not an exact tensor) is asked in both directions.
    """
    flow = estimate_flow(source, target, method)
    return flow, traceable_mask(flow, estimate_flow(target, source, method))


def flows_from_reference(
    frames: torch.Tensor, reference: int, method: FlowMethod = "dis"
) -> tuple[torch.Tensor, torch.Tensor]:
    """The flow from one frame of a clip into each of its frames, and the masks, as Eq. 6 needs them.

    frames: (K, 3, H, W). Returns flows (K, 2, H, W) and masks (K, 1, H, W), all on the reference's grid;
    the reference's own flow is 0 and its mask 1.
    """
    flows, masks = [], []
    for t in range(len(frames)):
        if t == reference:
            flow = torch.zeros_like(frames[:1, :2])
            mask = torch.ones_like(frames[:1, :1])
        else:
            flow, mask = estimate_flow_and_mask(frames[reference][None], frames[t][None], method)
        flows.append(flow)
        masks.append(mask)
    return torch.cat(flows), torch.cat(masks)


def _opencv_flow(source: torch.Tensor, target: torch.Tensor, method: str) -> torch.Tensor:
    """(3, H, W) twice -> (1, 2, H, W)."""
    estimator = _estimator(method)
    height, width = source.shape[-2:]
    # DIS builds an image pyramid and refuses pictures of less than about 16 pixels; padding changes no flow inside.
    bottom, right = max(0, 32 - height), max(0, 32 - width)
    gray = [
        cv2.copyMakeBorder(_gray(frame), 0, bottom, 0, right, cv2.BORDER_REPLICATE) for frame in (source, target)
    ]
    flow = estimator.calc(*gray, None)[:height, :width]                                     # (H, W, 2)
    return torch.from_numpy(np.ascontiguousarray(flow)).permute(2, 0, 1)[None]


def _estimator(method: str) -> "cv2.DenseOpticalFlow":
    if method in DIS_PRESETS:
        return cv2.DISOpticalFlow_create(DIS_PRESETS[method])
    if method != "deepflow":
        raise TutorialError(f"Unknown flow method {method!r}; the methods are {', '.join(DIS_PRESETS)}, deepflow.")
    if not hasattr(cv2, "optflow"):
        raise TutorialError(
            "This OpenCV has no deepflow; use dis, or an environment with opencv-contrib-python-headless *instead of* "
            "opencv-python-headless."
        )
    return cv2.optflow.createOptFlow_DeepFlow()


def _gray(frame: torch.Tensor) -> np.ndarray:
    weights = torch.tensor([0.299, 0.587, 0.114], device=frame.device)
    gray = torch.einsum("c,chw->hw", weights, frame)
    return (gray * 255).round().clamp(0, 255).byte().cpu().numpy()
