"""DeepFlow in an environment of its own, for measure_speed.py: needs numpy and opencv-contrib-python-headless only.

    PYTHON data_scripts/deepflow_worker.py FRAME.npy PREVIOUS.npy THREADS FOLDER

The frames are (3, H, W), float32 in [0, 1]. Says {"opencv": version} in one line of JSON, or {"error": sentence}; then,
for every line it is sent, estimates the flow there and back, writes both to FOLDER (flow.npy and reverse.npy,
(2, H, W)), and says {"seconds": what the two took}.
"""

import json
import sys
import time
from pathlib import Path


def say(**answer) -> None:
    print(json.dumps(answer), flush=True)


def main() -> None:
    try:
        import cv2
        import numpy as np
    except ImportError as error:
        return say(error=f"it has no {error.name}")
    if not hasattr(cv2, "optflow"):
        return say(error="its OpenCV has no DeepFlow")
    frame, previous = np.load(sys.argv[1]), np.load(sys.argv[2])
    cv2.setNumThreads(int(sys.argv[3]))
    folder = Path(sys.argv[4])

    # The same steps as flow.estimate takes, the conversion to grey included.
    def gray(image: np.ndarray) -> np.ndarray:
        luma = np.einsum("c,chw->hw", np.float32([0.299, 0.587, 0.114]), image)
        return (luma * 255).round().clip(0, 255).astype(np.uint8)

    def estimate(source: np.ndarray, target: np.ndarray) -> np.ndarray:
        flow = cv2.optflow.createOptFlow_DeepFlow().calc(gray(source), gray(target), None)
        return np.ascontiguousarray(flow).transpose(2, 0, 1)

    say(opencv=cv2.__version__)
    for _ in sys.stdin:
        start = time.perf_counter()
        flow, reverse = estimate(frame, previous), estimate(previous, frame)
        seconds = time.perf_counter() - start
        np.save(folder / "flow.npy", flow)
        np.save(folder / "reverse.npy", reverse)
        say(seconds=seconds)


if __name__ == "__main__":
    main()
