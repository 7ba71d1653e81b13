"""A trial of a detector: media with known labels are shown to it, and its errors are counted."""
