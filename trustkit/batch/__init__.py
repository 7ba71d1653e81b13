"""Many files: where they come from, and how they go through the workers."""
