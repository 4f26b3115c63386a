"""PLATFORMS. How the APIs that run services are asked how they run them: a file each, and what these share."""
