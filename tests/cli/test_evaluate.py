"""``tidegate models evaluate`` on ordinary photographs, with the built-in model."""

import json

import jsonschema
import msgspec
import pytest
import typer

from tests.clips import photo
from tidegate.cli.evaluate import evaluate
from tidegate.detectors import ManifestError
from tidegate.report.evaluation import Evaluation
from tidegate.schemas import text

EXPLICIT = "sexual.explicit"
NAMES = ("coffee.png", "rocket.jpg", "chelsea.png")

app = typer.Typer()
app.command()(evaluate)


@pytest.fixture
def labels(tmp_path):
    """All are labelled as what they are not."""
    file = tmp_path / "labels.csv"
    rows = "".join(f"{name},0,{'cup' if 'cof' in name else 'other'}\n" for name in NAMES)
    file.write_text(f"path,{EXPLICIT},slice:subject\n{rows}")
    return file


def call(labels, *more):
    arguments = ["--labels", labels, "--media", photo(NAMES[0]).parent, "--model", "opennsfw"]
    return app([str(one) for one in (*arguments, *more)], standalone_mode=False)


def test_ordinary_photographs_raise_no_alarm(labels, capfdbinary, tmp_path):
    page = tmp_path / "page.html"
    assert call(labels, "--json", "--html", page, "--threshold", f"{EXPLICIT}=0.5") == 0
    written = capfdbinary.readouterr().out
    jsonschema.validate(msgspec.json.decode(written), json.loads(text("evaluation-v1.json")))
    made = msgspec.json.decode(written, type=Evaluation)
    assert made.schema == 1
    (result,) = made.categories
    (opinion,) = result.opinions
    assert opinion.detectors == ("opennsfw",)
    (at,) = opinion.operating
    assert (at.rates.fp, at.rates.tn) == (0, 3)
    assert at.rates.fpr.judged.value == 0
    assert at.rates.fpr.judged.interval.high > 0.5  # Three pictures prove little.
    assert at.rates.recall.judged.value is None
    assert [group.value for group in at.slices[0].groups] == ["cup", "other"]
    html = page.read_text()
    assert "Sexually explicit" in html
    assert "<img" not in html


def test_the_terminal_and_the_status_say_what_is_unknown(labels, capfdbinary):
    labels.write_text(f"path,{EXPLICIT}\ncoffee.png,no\nnone\x1b[2J.png,yes\n")
    assert call(labels, "--prevalence", "0.05") == 2
    out = capfdbinary.readouterr().out.decode()
    assert "1 item could not be judged in full." in out
    assert "0 positive and 1 negative judged; 1 positive and 0 negative unknown" in out
    assert "precision at 5 %     unmeasured" in out
    assert "\x1b" not in out


def test_a_broken_model_stops_nobody_who_asks_for_another_by_name(labels, tmp_path, monkeypatch):
    (tmp_path / "home" / "mine").mkdir(parents=True)
    (tmp_path / "home" / "mine" / "mine.model.yaml").write_text("[")
    monkeypatch.setenv("TIDEGATE_MODELS", str(tmp_path / "home"))
    assert call(labels) == 0
    with pytest.raises(ManifestError, match=r"mine\.model\.yaml.*models remove mine"):
        call(labels, "--model", "mine")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--model", "nobody"], "--model 'nobody': models are"),
        (["--threshold", "sexual.explict=0.5"], "is no category of the taxonomy"),
        (["--threshold", "violence.gore=0.5"], "no detector asked answers for violence.gore"),
        (["--threshold", f"{EXPLICIT}=nan"], "a score is between 0 and 1"),
        (["--threshold", EXPLICIT], "a score is between 0 and 1"),
        (["--prevalence", "1"], "a share is between 0 and 1"),
        (["--media", "nowhere"], "nowhere is no folder"),
        (["--html", "nowhere/page.html"], "there is no folder nowhere"),
    ],
)
def test_wrong_usage_is_told(labels, more, told):
    with pytest.raises(typer.BadParameter) as caught:
        call(labels, *more)
    assert told in caught.value.format_message()


def test_a_bad_file_is_told_with_its_line(labels):
    labels.write_text(f"path,{EXPLICIT}\na,1\na,2\n")
    with pytest.raises(typer.BadParameter) as caught:
        call(labels)
    assert f"labels.csv:3: {EXPLICIT} is '2'" in caught.value.format_message()
