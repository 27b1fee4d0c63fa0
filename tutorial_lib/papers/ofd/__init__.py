"""Optical Flow Distillation (Chen et al., ECCV 2020)."""
