"""Package registries: what their clients ask, what their documents say, and which versions may be installed.

Pure: the proxy fetches the documents and tells the time. One file a kind of registry; each reads requests and
documents, and writes a document without what the rules hold back, so that installers pick another version by
themselves.
"""
