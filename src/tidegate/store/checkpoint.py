"""Signed checkpoints of the audit chain: Ed25519 over canonical JSON.

A checkpoint says: at this time, row number so-and-so had this digest, and with it all rows
before. Kept where whoever can write to the database cannot reach it, it proves a chain that
was made anew, or whose tail was cut off head and all.
"""

import base64
import hashlib
import os
from pathlib import Path

import msgspec
import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Connection

from tidegate.evidence import Value
from tidegate.store import canonical
from tidegate.store.error import InvalidError, StoreError
from tidegate.store.tables import audit_head

LARGEST_FILE = 1 << 16
"""Bytes of a key or a checkpoint at most."""


class Checkpoint(Value, frozen=True, kw_only=True):
    """The state of the chain, signed.

    Attributes:
        tidegate_checkpoint: Version of this JSON.
        seq: Number of the chain's last row.
        hash: Its digest.
        at: When this was signed, in microseconds.
        key: First 16 hexadecimal digits of the SHA-256 of the public key's 32 bytes.
        signature: Ed25519 over the canonical JSON of all the above, base64.
    """

    tidegate_checkpoint: int = 1
    seq: int
    hash: str
    at: int
    key: str
    signature: str = ""


def make_key(path: Path) -> Ed25519PrivateKey:
    """Make a key and write it to a new file, PEM, readable by its owner only.

    Raises:
        StoreError: The file is there already, or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise StoreError(f"{path}: no key can be written: {error.strerror}") from None
    with os.fdopen(handle, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return key


def load_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key from a PEM file.

    Raises:
        StoreError: It cannot be read, or holds no Ed25519 key without a password.
    """
    try:
        key = serialization.load_pem_private_key(_bytes(path), password=None)
    except (ValueError, TypeError):
        raise StoreError(f"{path}: holds no private key without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise StoreError(f"{path}: holds a key, but none of Ed25519")
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    """Read a public key from a PEM file.

    Raises:
        StoreError: It cannot be read, or holds no public Ed25519 key.
    """
    try:
        key = serialization.load_pem_public_key(_bytes(path))
    except ValueError:
        raise StoreError(f"{path}: holds no public key") from None
    if not isinstance(key, Ed25519PublicKey):
        raise StoreError(f"{path}: holds a key, but none of Ed25519")
    return key


def public_pem(key: Ed25519PrivateKey) -> bytes:
    """Return the public half of a key as PEM, to give to whoever verifies."""
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def key_id(key: Ed25519PublicKey) -> str:
    """Return the name of a key: 16 hexadecimal digits."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def sign(connection: Connection, key: Ed25519PrivateKey, *, now: int) -> Checkpoint:
    """Sign the chain as it is. It is not verified by this: do so first.

    Raises:
        StoreError: The chain has no head.
    """
    head = connection.execute(sa.select(audit_head)).one_or_none()
    if head is None:
        raise StoreError("the audit chain has lost its head: there is nothing to sign")
    return sign_row(head.seq, head.hash, key, now=now)


def sign_row(seq: int, digest: str, key: Ed25519PrivateKey, *, now: int) -> Checkpoint:
    """Sign a row that was verified, by its number and its digest."""
    made = Checkpoint(seq=seq, hash=digest, at=now, key=key_id(key.public_key()))
    signature = base64.b64encode(key.sign(_signed(made))).decode()
    return msgspec.structs.replace(made, signature=signature)


def write(made: Checkpoint) -> bytes:
    """Return a checkpoint as JSON, with a line's end."""
    return msgspec.json.encode(made) + b"\n"


def read(text: bytes, key: Ed25519PublicKey) -> Checkpoint:
    """Return the checkpoint that a JSON text holds, if this key has signed it.

    Raises:
        InvalidError: It holds none, or somebody else's, or one that was changed.
    """
    if len(text) > LARGEST_FILE:
        raise InvalidError(f"a checkpoint has {LARGEST_FILE} bytes at most")
    try:
        found = msgspec.json.decode(text, type=Checkpoint)
        signature = base64.b64decode(found.signature, validate=True)
    except ValueError as error:
        raise InvalidError(f"this is no checkpoint: {error}") from None
    if found.tidegate_checkpoint != 1:
        raise InvalidError("the checkpoint is of a version that is not known here")
    if found.key != key_id(key):
        raise InvalidError(f"the checkpoint is signed by key {found.key!r:.40}, not {key_id(key)}")
    try:
        key.verify(signature, _signed(found))
    except InvalidSignature:
        raise InvalidError("the checkpoint's signature is not right: it was changed") from None
    return found


def _signed(made: Checkpoint) -> bytes:
    fields = msgspec.to_builtins(made)
    del fields["signature"]
    return canonical.encode(fields).encode()


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_FILE)
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from None
