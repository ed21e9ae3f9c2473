"""The commands of `vfactory` that run and observe the local stack."""
