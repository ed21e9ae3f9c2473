"""What the tests of the kit stand on: events, a schema, and a sample service."""
