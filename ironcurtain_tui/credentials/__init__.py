"""Keys: the real ones, which never leave the host, and the sentinels that stand for them in the container."""
