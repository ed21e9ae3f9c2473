"""The local stack: embedded servers, the services as processes, and what is needed to run both."""
