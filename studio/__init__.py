"""What the program knows and does. No gradio here; no torch outside `studio.workers`."""

__version__ = "0.1.0"
