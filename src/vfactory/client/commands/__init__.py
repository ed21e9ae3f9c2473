"""The client commands of `vfactory`, one module per thing a plant has."""
