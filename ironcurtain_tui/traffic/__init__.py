"""What passed through the proxy, kept: bounded, decoded, without secrets."""
