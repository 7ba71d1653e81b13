"""Presets of what to redact, as data: which statements hold what, and who says so."""
