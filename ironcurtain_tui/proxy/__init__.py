"""One of the two doors: terminates TLS, filters endpoints, swaps the sentinel for the real key.

Built on mitmproxy's protocol core (``mitmproxy.proxy``), without its application: no ``Master``, no
add-ons of its own, no global state, no loop-wide settings. Our add-ons (``addons/``) have the hook names
of mitmproxy's, but are run by ``handler.py``, where an exception refuses instead of passing.
"""

import os

# mitmproxy and OpenSSL would write TLS master secrets to a file named here, whose name is read at import.
for _variable in ("SSLKEYLOGFILE", "MITMPROXY_SSLKEYLOGFILE"):
    os.environ.pop(_variable, None)
