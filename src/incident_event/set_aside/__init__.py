"""Events of other services that could not be handled: what they are, and another attempt at them."""
