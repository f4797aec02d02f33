"""The keys that sign what goes to the callbacks of items, one for each host.

A callback is named with each item, so it has no row and no secret of its own: its key follows from
the server's key and the host. Who receives callbacks at one host knows the key of no other, and
cannot hand on there what was signed for here.
"""

import hashlib

from tidegate.service.addresses import Allowance, read_url
from tidegate.service.fetch_error import FetchError
from tidegate.service.secret import Secret
from tidegate.service.signing import SigningKey

NOWHERE = "?"
"""In the place of a host where a URL names none."""


def callback_host(url: str) -> str:
    """Return the host of a callback, written in the one way: in ASCII, in lower case."""
    try:
        return str(read_url(url, Allowance()).host)
    except FetchError:
        return NOWHERE  # It is read again when it is called, and that says what is wrong.


def callback_key(server_key: Secret, host: str) -> SigningKey:
    """Return the key of a host. It is another one where the server's key is."""
    secret = server_key.derive(f"callbacks to {host}").reveal().hex()
    # Who is several hosts can tell by its id which key to take.
    name = hashlib.sha256(host.encode()).hexdigest()[:12]
    return SigningKey(f"callback-{name}", Secret(f"tgw_{secret}"))
