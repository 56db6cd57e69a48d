"""How fast we are, each time against a peer measured in the same run: ``python -m benchmarks [NAME ...]``."""
