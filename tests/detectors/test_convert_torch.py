"""Checkpoints of PyTorch are read as data: right, bounded, and never run."""

import collections
import contextlib
import functools
import os
import pickle
import pickletools
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detectors.checkpoints import (
    TINY,
    checkpoint,
    integer,
    mapping,
    storage,
    tensor,
    text,
)
from tidegate.detectors.convert import ConversionError, torchfile


def test_every_tensor_is_as_pytorch_has_it():
    tensors = torchfile.read(TINY)
    whole = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    kernel = whole.reshape(2, 3, 1, 4).transpose(3, 2, 0, 1)
    assert list(tensors) == ["conv.weight", "part", "whole", "norm.num_batches_tracked"]
    np.testing.assert_array_equal(tensors["conv.weight"], kernel)
    np.testing.assert_array_equal(tensors["part"], whole[1, 1:])
    np.testing.assert_array_equal(tensors["whole"], whole)
    np.testing.assert_array_equal(tensors["norm.num_batches_tracked"], np.array(7))
    assert [t.dtype for t in tensors.values()] == [np.float32] * 3 + [np.int64]
    assert not any(t.flags.writeable for t in tensors.values())


def test_a_checkpoint_that_is_made_here_is_read():
    tensors = torchfile.read(checkpoint(mapping(("w", tensor()))))
    np.testing.assert_array_equal(tensors["w"], np.arange(6).reshape(2, 3))


class Runs:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    ("value", "named"),
    [
        (Runs(os.system, ("false",)), "system"),
        (Runs(eval, ("1",)), "eval"),
        (Runs(getattr, (Runs(__import__, ("os",)), "system")), "getattr"),
        (functools.partial(print, "x"), "partial"),
        (collections.Counter("aab"), "Counter"),
    ],
    ids=["system", "eval", "getattr", "partial", "counter"],
)
def test_a_pickle_that_calls_something_is_refused(value, named, protocol, capfd):
    attack = {"w": value}
    for place in range(5):
        pickles = [torchfile.MAGIC, torchfile.VERSION, {}, {}, []]
        pickles[place] = attack
        data = b"".join(pickle.dumps(item, protocol if item is attack else 2) for item in pickles)
        with pytest.raises(ConversionError, match="refused") as error:
            torchfile.read(data)
        # Protocol 4 puts names on the stack: there the instruction is refused before.
        assert protocol >= 4 or protocol == 0 or named in str(error.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (b"cos\nsystem\n(" + text("false") + b"tR", "'os.system' is refused"),
        (b"cbuiltins\neval\n", "'builtins.eval' is refused"),
        (b"cbuiltins\ngetattr\n", "'builtins.getattr' is refused"),
        (b"ctorch\nload\n", "'torch.load' is refused"),
        (b"ctorch\nFloatStorage.__init__\n", "'torch.FloatStorage.__init__' is refused"),
        (b"ctorch.FloatStorage\n__class__\n", "'torch.FloatStorage.__class__' is refused"),
        (b"ccollections\nOrderedDict.__reduce__\n", "OrderedDict.__reduce__' is refused"),
        (text("os") + text("system") + b"\x93", "STACK_GLOBAL is refused"),
        (b"(" + text("false") + b"ios\nsystem\n", "INST is refused"),
        (b"(ccollections\nOrderedDict\no", "OBJ is refused"),
        (b"ccollections\nOrderedDict\n)\x81", "NEWOBJ is refused"),
        (b"\x82\x01", "EXT1 is refused"),
        (b"\x8d" + struct.pack("<Q", 1) + b"x", "BINUNICODE8 is refused"),
        (b"P0\n", "PERSID is refused"),
        (b"I1\n", "INT is refused"),
        # A call of what is no function, or of one with arguments of another kind.
        (text("x") + b")R", "a str is called"),
        (b"ctorch\nFloatStorage\n)R", "torch.FloatStorage is called"),
        (b"ccollections\nOrderedDict\n}\x85R", "collections.OrderedDict is called"),
        (b"ctorch._utils\n_rebuild_tensor_v2\n)R", "_rebuild_tensor_v2 is called"),
        (mapping(("w", tensor(gradient=b"\x88"))), "_rebuild_tensor_v2 is called"),
        (mapping(("w", tensor(stored=text("x")))), "a str where a _Storage belongs"),
        (mapping(("w", tensor(shape=(True, 3)).replace(integer(True), b"\x88", 1))), "a bool"),
        # Things put together that do not fit.
        (b"NK\x01R", "a int where a tuple belongs"),
        (b"N(K\x01K\x02u", "a NoneType where a dict belongs"),
        (b"}(K\x01e", "a dict where a list belongs"),
        (b"}K\x01K\x02s", "a int where a str belongs"),
        (b"}))s", "a tuple where a str belongs"),
        (b"}(" + text("w") + b"u", "malformed"),
        (b"]N\x85e", "mark"),
        (b"t", "mark"),
        (b"\x86", "malformed"),
        (b"h\x09", "malformed"),
        (b"", "malformed"),
        (b"c" + b"x" * 300 + b"\n", "malformed"),
        (b"cos\\x2e\npath\n", "refused"),
        (b"NN", "malformed"),
        (b")b", "malformed|dict"),
        (b"\x7e", "instruction b'~' is refused"),
        (b"N", "not a dictionary"),
        # Storages.
        (mapping(("w", tensor(storage(kind="ByteStorage")))), "ByteStorage' is refused"),
        (mapping(("w", tensor(storage(view=b"N\x85")))), "view of another"),
        (mapping(("w", tensor(storage(key="1")))), "list of storages"),
        (mapping(("w", tensor(storage(count=7)))), "not in the file"),
        (mapping(("w", tensor(storage(count=5), shape=(1,), strides=(1,)))), "length"),
        (mapping(("w", tensor(storage(count=-6)))), "not in the file"),
        (mapping(("w", tensor(storage(count=2**31 - 1)))), "not in the file"),
        (mapping(("v", tensor(storage(count=5))), ("w", tensor())), "in two ways"),
        # Views that leave their storage, or blow it up.
        (mapping(("w", tensor(offset=1))), "'w' does not lie within"),
        (mapping(("w", tensor(offset=-1))), "'w' does not lie within"),
        (mapping(("w", tensor(strides=(4, 1)))), "'w' does not lie within"),
        (mapping(("w", tensor(strides=(-3, 1)))), "'w' does not lie within"),
        (mapping(("w", tensor(shape=(2, 3, 1)))), "'w' does not lie within"),
        (mapping(("w", tensor(shape=(1,), strides=(2**31 - 1,)))), "'w' does not lie within"),
        (mapping(("w", tensor(shape=(1,) * 9, strides=(1,) * 9))), "more than 8 dimensions"),
        (mapping(("w", tensor(shape=(-2, -3)))), "'w' does not lie within"),
        (mapping(("w", tensor(shape=(0, 3)))), "'w' does not lie within"),
        (mapping(("w", tensor(shape=(2**30, 2**30), strides=(0, 0)))), "does not lie within"),
    ],
)
def test_what_is_no_plain_tensor_is_refused_by_name(program, reason):
    with pytest.raises(ConversionError, match=reason):
        torchfile.read(checkpoint(program))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "cut off"),
        (b"PK\x03\x04" + bytes(100), "PERSID is refused"),
        (pickle.dumps({}, 2), "not a PyTorch checkpoint"),
        (TINY[:-1], "not in the file"),
        (TINY + b"\0", "all that follows"),
        (checkpoint(mapping(("w", tensor())), keys=("0", "0")), "list of storages"),
        (checkpoint(mapping(("w", tensor())), keys=()), "all that follows"),
        (checkpoint(mapping(("w", b"N")), keys=(), elements=b""), "'w' is a NoneType"),
    ],
)
def test_a_file_that_is_cut_or_of_another_kind_is_refused(data, reason):
    with pytest.raises(ConversionError, match=reason):
        torchfile.read(data)


def test_a_tensor_may_not_be_larger_than_the_file_by_repetition():
    many = mapping(*((f"w{i}", tensor()) for i in range(2000)))
    tensors = torchfile.read(checkpoint(many))
    assert len(tensors) == 2000
    assert all(np.shares_memory(t, tensors["w0"]) for t in tensors.values())


@pytest.mark.parametrize(
    "program",
    [
        # A memo entry with a number that pickle.Unpickler makes a table of 32 GiB for.
        b"}r" + struct.pack("<I", 2**32 - 1),
        # Tuples of tuples: 2**200 elements to whoever looks at all of them.
        b"}" + text("w") + b")" + b"q\0h\0\x86" * 200 + b"s",
        b"}" + b")" + b"q\0h\0\x86" * 200 + b"Ns",
        # A dictionary within itself.
        b"}q\0" + text("w") + b"h\0s",
        # A text that says it is longer than the file.
        b"X" + struct.pack("<I", 2**32 - 1),
        # A long program.
        b"N" * (torchfile.MAX_INSTRUCTIONS + 1),
    ],
    ids=["memo", "value", "key", "itself", "text", "long"],
)
def test_little_cannot_be_made_to_cost_much(program):
    tracemalloc.start()
    try:
        with pytest.raises(ConversionError):
            torchfile.read(checkpoint(program))
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_changed_file_is_read_within_bounds_or_refused(data):
    changed = bytearray(TINY)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(TINY) - 1))
        changed[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=5))
    try:
        tensors = torchfile.read(bytes(changed))
    except ConversionError:
        return
    for values in tensors.values():
        assert values.nbytes <= len(changed)
        values.tobytes()


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from([code.code.encode("latin-1") for code in pickletools.opcodes])
        | st.sampled_from([b"(", b"t", b")", b"}", b"N", b"q\0", b"h\0", b"u", b"R"]),
        max_size=30,
    )
)
def test_any_program_ends_in_a_value_or_a_refusal(codes):
    with contextlib.suppress(ConversionError):
        torchfile.read(checkpoint(b"".join(codes)))
