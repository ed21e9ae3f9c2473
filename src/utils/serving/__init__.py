"""Runs a service's process: its command line, its HTTP server, and the limits that uvicorn lacks."""

from utils.serving.command import main
from utils.serving.protocol import BoundedProtocol
from utils.serving.server import serve

__all__ = ["BoundedProtocol", "main", "serve"]
