"""What Alertmanager tells of the platform, made into incidents like any other."""
