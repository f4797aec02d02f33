import json

from demo import media


def test_it_tells_evidence_thresholds_and_rules(run, tmp_path):
    run("bank", "create", "known.bank", "--distance", "40", "--role", "review")
    run("bank", "add", "known.bank", media.source("rocket.jpg"), "--note", "launch")
    done = run("scan", media.source("rocket.jpg"), "--bank", "known.bank", "--jsonl")
    (tmp_path / "item.json").write_bytes(done.stdout)
    shown = run("explain", "item.json")
    text = " ".join(shown.stdout.decode().split())
    assert shown.returncode == 0
    for words in (
        "1. What it is image, jpeg, 640×427",
        "Banks: known",
        "Detector opennsfw 1.0",
        "Match with entry 1 of bank known (review): Known content, same sha256",
        "note of the entry: launch",
        "Rules of policy default/2 that fired banks.review-bank → review",
        "✓ distance 0 ≤ 31",
        "thresholds.sexual.explicit.review → review",
        "✗ score",
        "8. Decision review",
    ):
        assert words in text


def test_a_report_and_lines_are_read_too(run, tmp_path):
    names = [media.source(name) for name in ("coffee.png", "chelsea.png")]
    (tmp_path / "report.json").write_bytes(run("scan", *names, "--json").stdout)
    (tmp_path / "items.jsonl").write_bytes(run("scan", *names, "--jsonl").stdout)
    for file in ("report.json", "items.jsonl"):
        assert run("explain", file).stdout.count(b"1. What it is") == 2
        only = run("explain", file, "--path", names[1])
        assert only.stdout.count(b"1. What it is") == 1


def test_a_category_that_is_not_ours_is_never_shown(run, tmp_path):
    done = run("scan", media.source("coffee.png"), "--jsonl")
    forged = done.stdout.replace(b'"sexual.explicit"', b'"people.uyghur"')
    (tmp_path / "item.json").write_bytes(forged)
    shown = run("explain", "item.json")
    assert shown.returncode == 64
    assert shown.stdout == b""


def test_something_else_is_wrong_usage(run, tmp_path):
    (tmp_path / "other.json").write_text(json.dumps({"a": 1}))
    for arguments in (["other.json"], ["none.json"]):
        done = run("explain", *arguments)
        assert done.returncode == 64
        assert b"Traceback" not in done.stderr


def test_records_are_read_too_and_what_they_do_not_say_is_said(run, tmp_path):
    names = [media.source(name) for name in ("coffee.png", "chelsea.png")]
    run("scan", *names, "--record", "day.jsonl")
    done = run("explain", "day.jsonl", "--path", names[1])
    assert done.returncode == 0
    assert done.stdout.count(b"1. What it is") == 1
    assert done.stdout.count(b"a record does not say") == 2
    with (tmp_path / "day.jsonl").open("ab") as file:
        file.write(b'{"schema":1,"at":"2026-')
    cut = run("explain", "day.jsonl")
    assert cut.returncode == 64
    assert b"day.jsonl: record 3 is cut short" in cut.stderr
