"""A small real world to break: an auth service and a backend that can be made to fail in known ways."""
