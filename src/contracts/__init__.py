"""Messages and access rules shared between services: one module per publisher."""
