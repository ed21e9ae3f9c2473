"""The client commands of `vfactory`, one module per kind of resource."""
