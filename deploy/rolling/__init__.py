"""Plays a rolling update of the Kubernetes manifests with local processes behind a real proxy, under load."""
