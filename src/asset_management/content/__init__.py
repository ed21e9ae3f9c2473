"""Contents: the bytes of assets, checked, kept once by their SHA-256, and sent in ranges."""
