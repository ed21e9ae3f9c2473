"""The kit: what every service stands on; imports nothing of ours."""
