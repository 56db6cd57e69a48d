"""Models that are asked on the host, for the person. Everything works without any; no answer ever allows by itself."""
