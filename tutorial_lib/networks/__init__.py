"""Perceptual features, the teacher and the student."""
