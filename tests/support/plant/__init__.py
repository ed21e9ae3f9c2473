"""A plant in tests: its services, its stack, its clients, and what they are sent."""
