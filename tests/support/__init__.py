"""What tests share, by room."""

from pathlib import Path

ROOT = Path(__file__).parents[2]  # the repository
