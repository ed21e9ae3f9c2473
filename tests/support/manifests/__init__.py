"""The manifests in tests, as they are built."""
