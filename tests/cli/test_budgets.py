"""``--budget``, for every command that reads media."""

import json

import pytest
import typer

from demo import media
from tests.cli.inside import call
from tidegate.cli.budgets import NAMES, chosen
from tidegate.media import Budget

PHOTO = media.source("rocket.jpg")
PIXELS = "273,280 pixels a frame are over the budget of 1,000 (budget.pixels)"


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("bytes=500MB", 500_000_000),
        ("bytes=2GiB", 2 * 1024**3),
        ("bytes=64mib", 64 * 1024**2),
        ("bytes=1.5KB", 1500),
        ("memory=123456789", 123_456_789),
        ("memory=7B", 7),
        ("pixels=178M", 178_000_000),
        ("pixels=1_000", 1000),
        ("total_pixels=1T", 10**12),
        ("frames=50k", 50_000),
        ("frames=1.5k", 1500),
        ("streams=250", 250),
        ("seconds=90", 90.0),
        ("seconds=0.5s", 0.5),
        ("seconds=10m", 600.0),
        ("duration=6h", 21_600.0),
    ],
)
def test_a_value_is_read_and_the_rest_stays(setting, expected):
    name = setting.partition("=")[0]
    value = getattr(chosen([setting]), name)
    assert (value, type(value)) == (expected, type(getattr(Budget(), name)))
    others = [other for other in NAMES if other != name]
    assert all(getattr(chosen([setting]), o) == getattr(Budget(), o) for o in others)


def test_nothing_given_is_the_default():
    assert chosen(None) == chosen([]) == Budget()


def test_every_budget_can_be_set():
    made = chosen([f"{name}=3" for name in Budget.__struct_fields__])
    assert {getattr(made, name) for name in Budget.__struct_fields__} == {3}


@pytest.mark.parametrize(
    "setting",
    [
        "",
        "pixels",
        "pixels=",
        "=3",
        "deadline=3",
        "Pixels=3",
        " pixels=3",
        "pixels=0",
        "pixels=-3",
        "pixels=+3",
        "pixels=3 M",
        "pixels=1,000",
        "pixels=٣",
        "pixels=3x",
        "pixels=3MB",
        "pixels=99T",
        "frames=0.5",
        "frames=1e3",
        "bytes=2G",
        "bytes=90s",
        "bytes=9999999999TiB",
        "seconds=nan",
        "seconds=inf",
        "seconds=0.0",
        "seconds=1d",
        "duration=999999999999h",
        f"memory={'9' * 5000}",
    ],
)
def test_what_is_no_budget_is_refused_with_the_names(setting):
    with pytest.raises(typer.BadParameter) as caught:
        chosen([setting])
    for name in NAMES:
        assert name in str(caught.value)


def test_a_budget_is_given_once():
    with pytest.raises(typer.BadParameter, match="seconds is given twice"):
        chosen(["seconds=3", "frames=3", "seconds=3"])


@pytest.mark.parametrize(
    "command",
    [
        ("scan", PHOTO),
        ("hash", PHOTO),
        ("compare", PHOTO, PHOTO),
        ("match", PHOTO, "--bank", "known.bank"),
        ("bank", "add", "known.bank", PHOTO),
    ],
    ids=lambda command: " ".join(str(part) for part in command[:2] if part != PHOTO),
)
def test_every_command_that_reads_media_takes_it(capfdbinary, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    assert call(capfdbinary, "bank", "create", "known.bank").returncode == 0
    over = call(capfdbinary, *command, "--budget", "pixels=1000", "--budget", "seconds=1h")
    told = " ".join((over.stdout + over.stderr).decode().split())
    assert "(budget.pixels)" in told
    assert over.returncode == (64 if command[0] == "bank" else 2)
    wrong = call(capfdbinary, *command, "--budget", "pixel=1000")
    assert wrong.returncode == 64
    assert len(wrong.stderr.splitlines()) == 1
    assert b"budgets are bytes, pixels, total_pixels" in wrong.stderr
    help_ = " ".join(call(capfdbinary, *command, "--help").stdout.decode().split())
    assert "--budget" in help_
    assert "(budget.pixels)" in help_


def test_the_reason_names_the_budget(capfdbinary):
    done = call(capfdbinary, "hash", PHOTO, "--json", "--budget", "pixels=1k")
    (unknown,) = json.loads(done.stdout)["unknowns"]
    assert (unknown["cause"], unknown["detail"]) == ("too_many_pixels", PIXELS)


def test_a_file_over_its_bytes_is_not_read(capfdbinary):
    done = call(capfdbinary, "hash", PHOTO, "--json", "--budget", "bytes=1KiB")
    made = json.loads(done.stdout)
    assert made["sha256"] is None
    assert made["unknowns"][0]["detail"].endswith("(budget.bytes)")
