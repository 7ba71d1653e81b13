"""A picture, a clip and a sound for `trustkit demo`, drawn by fixtures/make.py."""
