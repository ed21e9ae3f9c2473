"""The factories: name, time zone, floor."""
