"""The monitoring in tests: real programs, what they post, and copies to break."""
