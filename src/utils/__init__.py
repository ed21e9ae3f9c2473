"""The kit that every service is built on; it imports no other package of this project."""
