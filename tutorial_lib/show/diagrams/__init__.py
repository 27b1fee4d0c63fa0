"""Drawings of how something works, a module each, drawn by code."""
