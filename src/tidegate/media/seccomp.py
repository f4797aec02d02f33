"""A filter of system calls, assembled for the kernel's BPF machine and installed.

Written with ``ctypes`` alone: bindings of libseccomp need that library on the system, and
slim containers do not have it. See ``Documentation/userspace-api/seccomp_filter.rst`` of
Linux and seccomp(2).
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterable

from tidegate.media.libc import call
from tidegate.media.syscalls import ARCHITECTURES, INT, MISSING, Masked, Rule, allowed

KILL = 0x8000_0000
ALLOW = 0x7FFF_0000
REFUSE = 0x0005_0000 | errno.EACCES
UNKNOWN = 0x0005_0000 | errno.ENOSYS

_LOAD, _AND, _IF_EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
"""Offsets in ``struct seccomp_data``."""

_SYSCALL = {"x86_64": 317, "aarch64": 277}
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_SECCOMP_SET_MODE_FILTER, _TSYNC = 1, 1


def assemble(architecture: int, rules: Iterable[tuple[int, Rule]]) -> bytes:
    """Return the program that allows the calls with these numbers by their rules.

    Other calls fail with ``EACCES``, those in :data:`~tidegate.media.syscalls.MISSING` with
    ``ENOSYS``. A call of another architecture ends the process.

    Args:
        architecture: ``AUDIT_ARCH_*``.
        rules: Number and rule of each call. What stands first is found first.
    """
    program = [
        _instruction(_LOAD, _ARCHITECTURE),
        _instruction(_IF_EQUAL, architecture, yes=1),
        _instruction(_RETURN, KILL),
        _instruction(_LOAD, _NUMBER),
    ]
    blocks = [(number, _block(rule)) for number, rule in rules]
    blocks += [(number, [_instruction(_RETURN, UNKNOWN)]) for number in MISSING]
    # A block always returns, so between two blocks the number is still loaded, and no jump
    # is longer than one block: it fits the eight bits that a jump has.
    for number, block in blocks:
        program += [_instruction(_IF_EQUAL, number, no=len(block)), *block]
    program.append(_instruction(_RETURN, REFUSE))
    return b"".join(program)


def _block(rule: Rule) -> list[bytes]:
    """Return what decides about one call."""
    block: list[bytes] = []
    for clause in rule:
        code = [_instruction(_RETURN, REFUSE)]
        for test in reversed(clause):
            code = _test(test, held=len(code)) + code
        block += code
    return [*block, _instruction(_RETURN, ALLOW)]


def _test(test: Masked, held: int) -> list[bytes]:
    """Return what skips ``held`` further instructions where the test holds."""
    code: list[bytes] = []
    for shift in (32, 0):  # The machine has 32 bits; both architectures are little-endian.
        mask = test.mask >> shift & INT
        if not mask:
            continue
        jump = {"no": len(code)} if code else {"yes": held}
        code = [
            _instruction(_LOAD, _ARGUMENTS + 8 * test.argument + shift // 8),
            _instruction(_AND, mask),
            _instruction(_IF_EQUAL, test.value >> shift & INT, **jump),
            *code,
        ]
    return code


def _instruction(code: int, operand: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, operand)


def install() -> None:
    """Confine this process to what a decoder needs, for good.

    Raises:
        OSError: The system cannot, or does not do what it was told.
    """
    machine = platform.machine()
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, f"this system is {platform.system()}, not Linux")
    if machine not in ARCHITECTURES or sys.maxsize < 1 << 32:
        raise OSError(errno.ENOSYS, f"no filter is written for this processor: {machine}")
    calls = ((getattr(each, machine), each.rule) for each in allowed(os.getpid()))
    program = assemble(
        ARCHITECTURES[machine], [(number, rule) for number, rule in calls if number is not None]
    )
    code = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog
    pointer = ctypes.create_string_buffer(
        struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    )
    try:
        call("syscall", _SYSCALL[machine], _SECCOMP_SET_MODE_FILTER, _TSYNC, pointer)
    except OSError:
        call("prctl", _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, pointer, 0, 0)
    _check()


def _check() -> None:
    """Open something, because an emulated kernel may take a filter and not apply it."""
    try:
        os.close(os.open("/", os.O_RDONLY))
    except PermissionError:
        return
    raise OSError(errno.ENOSYS, "the system took the filter and does not apply it")
