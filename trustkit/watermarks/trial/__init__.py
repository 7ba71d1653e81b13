"""A trial of a watermark: marked pictures are attacked, and what is read back is counted."""
