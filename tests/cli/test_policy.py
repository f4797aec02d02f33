import json

import jsonschema
import pytest

from demo import media
from tidegate import Scanner
from tidegate.pipeline.load import load_policy, shipped
from tidegate.policy import PolicyError
from tidegate.schemas import text


def lines(done):
    return done.stdout.decode().splitlines()


def flat(done):
    return " ".join(done.stdout.decode().split())


@pytest.fixture
def mine(tmp_path):
    """A policy of one's own, and what changes a part of it."""
    path = tmp_path / "mine.yaml"
    path.write_text(shipped()["default"].replace("id: default", "id: mine"), encoding="utf-8")

    def change(old, new, name="mine.yaml"):
        given = path.read_text(encoding="utf-8")
        assert old in given
        (tmp_path / name).write_text(given.replace(old, new), encoding="utf-8")

    change.folder = tmp_path
    return change


def test_check_says_what_a_policy_holds_or_what_is_wrong(run, mine):
    mine("sexual.drawn:", "sexual.drawm:", "wrong.yaml")
    done = run("policy", "check", "mine.yaml", "default", "wrong.yaml")
    assert done.returncode == 64
    assert lines(done) == [
        "mine/2 loads: 6 categories with thresholds, 4 bank rules, 1 unknown rule",
        "default/2 loads: 6 categories with thresholds, 4 bank rules, 1 unknown rule",
    ]
    told = done.stderr.decode().splitlines()
    assert told[0].startswith("tidegate: wrong.yaml:20:3: 'sexual.drawm' is not a category")
    assert told[0].endswith("(did you mean 'sexual.drawn'?)")
    assert told[1] == "  20 |   sexual.drawm: {label: 0.50, review: 0.80}"
    assert told[2] == "     |   ^"
    assert run("policy", "check", "mine.yaml").returncode == 0


def test_check_tells_all_that_is_wrong_in_the_order_of_the_lines(run, mine):
    mine("sexual.drawn:", "sexual.drawm:", "wrong.yaml")
    text = (mine.folder / "wrong.yaml").read_text(encoding="utf-8")
    text += "rules:\n  - {id: a, when: surface == 'x', then: {queue: q}}\n"
    (mine.folder / "wrong.yaml").write_text(text, encoding="utf-8")
    done = run("policy", "check", "wrong.yaml")
    assert done.returncode == 64
    assert done.stdout == b""
    told = [one for one in done.stderr.decode().splitlines() if one.startswith("tidegate: ")]
    assert [one.split(":")[2] for one in told[:-1]] == ["20", "59", "59"]
    assert "names.surfaces" in told[1]
    assert "names.queues" in told[2]
    assert told[-1] == "tidegate: wrong.yaml: 3 errors"
    first = run("scan", media.source("coffee.png"), "--policy", "wrong.yaml")
    assert first.stderr.decode().splitlines()[0] == told[0]


def test_a_policy_that_does_not_load_changes_nothing(run, mine, tmp_path, monkeypatch):
    mine("review: 0.80", "review: 80")
    scanned = run("scan", media.source("coffee.png"), "--policy", "mine.yaml", "--html", "r.html")
    assert scanned.returncode == 64
    assert b"mine.yaml:18:42:" in scanned.stderr
    assert b"^" in scanned.stderr
    assert not (tmp_path / "r.html").exists()
    read = []
    monkeypatch.setattr("tidegate.pipeline.scanner.read_bank", read.append)
    monkeypatch.setattr("tidegate.pipeline.scanner.installed", lambda: read.append("models"))
    with pytest.raises(PolicyError):
        Scanner(tmp_path / "mine.yaml", [tmp_path / "known.bank"])
    assert read == []


def test_test_runs_the_cases_beside_a_policy(run, tmp_path, mine):
    cases = """\
tidegate_cases: 1
cases:
  - {name: fine, signals: {sexual.explicit: 0.85}, expect: {action: review}}
  - {name: known, matches: [{bank: b}], expect: {action: hold, fired: []}}
"""
    (tmp_path / "mine.cases.yaml").write_text(cases)
    done = run("policy", "test", "mine.yaml")
    assert done.returncode == 1
    told = lines(done)
    assert told[0] == "✗ known"
    assert [one.split() for one in told[1:5]] == [
        ["action", "expected", "hold"],
        ["got", "remove"],
        ["fired", "expected", "none"],
        ["got", "banks.block-bank"],
    ]
    assert "mine/2: 1 of 2 cases as expected" in told
    assert "  never: banks.known-good" in told
    (tmp_path / "other.yaml").write_text(cases.replace("hold, fired: []", "remove"))
    done = run("policy", "test", "mine.yaml", "--cases", "other.yaml")
    assert done.returncode == 0
    done = run("policy", "test", "mine.yaml", "--cases", "other.yaml", "--require-coverage", "90")
    assert done.returncode == 1
    assert b"of the rules fire, not 90 %" in done.stderr


def test_test_of_a_shipped_policy_covers_all_of_it(run):
    done = run("policy", "test", "default", "--require-coverage", "100")
    assert done.returncode == 0, done.stdout.decode()


def test_an_item_of_a_scan_is_a_case(run, tmp_path, mine):
    (tmp_path / "scan.json").write_bytes(run("scan", media.source("coffee.png"), "--json").stdout)
    case = "tidegate_cases: 1\ncases:\n  - {name: c, item: %s, expect: {action: allow}}\n"
    (tmp_path / "mine.cases.yaml").write_text(case % "scan.json")
    done = run("policy", "test", "mine.yaml")
    assert done.returncode == 0, done.stdout.decode()
    (tmp_path / "mine.cases.yaml").write_text(case % "none.json")
    done = run("policy", "test", "mine.yaml")
    assert done.returncode == 64
    assert done.stderr == b"tidegate: none.json: cannot be read: No such file or directory\n"


def test_cases_that_are_not_there_are_named(run, mine):
    done = run("policy", "test", "mine.yaml")
    assert done.returncode == 64
    assert b"mine.cases.yaml: there are no cases beside the policy" in done.stderr
    assert b"tidegate policy show default --cases" in done.stderr


def test_explain_says_what_holds_for_an_item_and_where_it_comes_from(run):
    done = run("policy", "explain", "strict-family")
    told = flat(done)
    assert done.returncode == 0
    for words in (
        "For an item of which is stated: nothing",
        "hold from 0.50 (thresholds.sexual.explicit[0].hold)",
        "not for this item: thresholds.sexual.explicit[1], surface avatar: hold 0.20",
        "banks.block-bank: a match in a block bank, within 31 bits: remove",
        "rules.new-account: What new accounts show on the cover waits for a person",
        "then hold, queue family at priority 40, label new-account",
        "unknowns.flat: a missing answer for cause too_flat: label",
        "sampling.blind: 0.5 % of items that end as allow, label or restrict",
        "breakers.bad-entry: beyond 50 decisions remove for one entry of a bank",
        "where no detector answers for sexual.explicit, sexual.suggestive",
        "No threshold: sexual.activity,",
    ):
        assert words in told
    done = run(
        "policy", "explain", "strict-family", "--category", "sexual.explicit",
        "--surface", "avatar", "--locale", "de-AT", "--context", "art", "--account-days", "3",
    )  # fmt: skip
    told = flat(done)
    assert "stated: surface avatar, locale de-AT, context.art, account 3 days old" in told
    assert "hold from 0.20 (thresholds.sexual.explicit[1].hold, surface avatar)" in told
    assert "banks." not in told


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--surface", "avatr"], "strict-family/1 has no surface 'avatr'; did you mean 'avatar'?"),
        (
            ["--locale", "de_AT"],
            "--locale: 'de_AT' is no language tag; one is written de, or de-AT",
        ),
        (["--context", "arts"], "'arts' is no context flag; there are medical, art, news"),
        (["--account-days", "-1"], "--account-days: "),
        (["--category", "people.face"], "'people.face' is no category that is scored"),
    ],
)
def test_what_means_nothing_is_refused(run, options, message):
    done = run("policy", "explain", "strict-family", *options)
    assert done.returncode == 64
    assert message in done.stderr.decode()


def test_diff_says_it_in_words(run, mine):
    same = run("policy", "diff", "default", "default")
    assert (same.returncode, lines(same)[1]) == (0, "They decide alike.")
    mine("review: 0.80}", "review: 0.70}", "new.yaml")
    done = run("policy", "diff", "mine.yaml", "new.yaml")
    assert done.returncode == 1
    assert lines(done) == [
        "mine/2 → mine/2",
        "1 category stricter: all items",
        "Both are mine/2, which decisions cite: raise the version",
        "",
        "  sexual.drawn: review 0.80 → 0.70; all items, stricter",
    ]
    found = json.loads(run("policy", "diff", "mine.yaml", "new.yaml", "--json").stdout)
    (change,) = found["changes"]
    assert change == {
        "section": "thresholds",
        "name": "sexual.drawn",
        "what": "changed",
        "way": "stricter",
        "shifts": {"review": {"old": "0.80", "new": "0.70"}},
    }


def test_list_and_show_give_something_to_start_from(run, tmp_path):
    told = flat(run("policy", "list"))
    assert all(name in told for name in shipped())
    shown = run("policy", "show", "art-and-medical")
    assert shown.stdout.decode() == shipped()["art-and-medical"]
    (tmp_path / "mine.yaml").write_bytes(shown.stdout)
    cases = run("policy", "show", "art-and-medical", "--cases").stdout
    (tmp_path / "mine.cases.yaml").write_bytes(cases)
    done = run("policy", "test", "mine.yaml", "--require-coverage", "100")
    assert done.returncode == 0, done.stdout.decode()
    assert run("policy", "show", "nothing").returncode == 64


def test_scan_takes_what_the_platform_says(run, tmp_path):
    policy = shipped()["strict-family"].replace("needs: [sexual.explicit, sexual.suggestive]", "")
    (tmp_path / "strict.yaml").write_text(policy, encoding="utf-8")
    given = ["scan", media.source("coffee.png"), "--policy", "strict.yaml", "--jsonl"]
    plain = json.loads(run(*given).stdout)
    assert plain["decision"]["action"] == "allow"
    done = run(*given, "--surface", "cover", "--account-days", "1", "--context", "art")
    item = json.loads(done.stdout)
    assert item["facts"] == {
        "surface": "cover",
        "context": ["context.art"],
        "uploader": {"account_days": 1},
    }
    assert item["decision"]["action"] == "hold"
    assert item["decision"]["reasons"][0]["rule"] == "rules.new-account"
    jsonschema.validate(item, json.loads(text("item-v1.json")))
    (tmp_path / "item.json").write_bytes(done.stdout)
    told = flat(run("explain", "item.json"))
    assert "The platform says: surface cover, context context.art, account of 1 day" in told
    assert "queue family at priority 40, because of rules.new-account" in told
    assert run(*given, "--surface", "covr").returncode == 64


def test_a_file_without_end_is_read_no_further_than_a_policy_goes(tmp_path):
    endless = tmp_path / "endless.yaml"
    with endless.open("wb") as file:
        file.truncate(1 << 40)  # A terabyte of zeros that takes no room.
    with pytest.raises(PolicyError, match=r"endless\.yaml: has more than 1,000,000 characters"):
        load_policy(endless)
