"""Manifests, images and compose files, and what checks them."""
