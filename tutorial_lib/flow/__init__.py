"""Optical flow: estimating it, warping by it, and knowing where it cannot be trusted."""
