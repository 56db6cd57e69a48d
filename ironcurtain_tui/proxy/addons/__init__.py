"""The add-ons of the proxy, one a file, in the order they run (see ``proxy/server.py``)."""
