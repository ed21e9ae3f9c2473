"""What watches V-Factory: rules, objectives, dashboards and their own checks."""
