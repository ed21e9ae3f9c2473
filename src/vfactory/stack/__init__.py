"""The local stack: embedded servers, the services as processes, the monitoring, and their supervisor."""
