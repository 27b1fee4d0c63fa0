"""Diagrams that are drawn by code, one module each."""
