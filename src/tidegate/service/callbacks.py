"""The key that signs what goes to the callbacks of items.

A callback is named with each item, so it has no row and no secret of its own: all are signed by one
key, which follows from the server's key. Whoever receives them is shown it once it is asked for.
"""

from tidegate.service.secret import Secret
from tidegate.service.signing import SigningKey

KEY_ID = "callback"


def callback_key(server_key: Secret) -> SigningKey:
    """Return the key. It is another one where the server's key is."""
    return SigningKey(KEY_ID, Secret(f"tgw_{server_key.derive('callbacks').reveal().hex()}"))
