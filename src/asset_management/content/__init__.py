"""Contents: the bytes of assets, checked, stored once under their SHA-256, and sent whole or in ranges."""
