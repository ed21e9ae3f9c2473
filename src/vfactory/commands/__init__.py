"""The commands of `vfactory` that run the local stack and look at it."""
