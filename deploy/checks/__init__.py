"""Checks of what is deployed: manifests as they are built, the image's recipe, the compose file."""
