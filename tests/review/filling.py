"""Filling in the console's forms without a browser."""

from tests.review.looking import csrf_of


def fill(client, path, *, token=None, files=None, **fields):
    """Send a form as a browser does: with the session's token in it, and no header for it."""
    data = {"csrf": csrf_of(client) if token is None else token} | fields
    return client.post(path, data=data, files=files)


def follow(client, answer):
    """Return the page that a form leads to."""
    assert answer.status_code == 303, (answer.status_code, answer.text[-2000:])
    return client.get(answer.headers["location"])
