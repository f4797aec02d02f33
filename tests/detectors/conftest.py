import pytest

from tidegate.detectors import adding, catalogue, golden


@pytest.fixture(autouse=True)
def model_home(tmp_path, monkeypatch):
    """A model home that is empty, whatever the developer has in theirs."""
    home = tmp_path / "models"
    home.mkdir()
    monkeypatch.setenv("TIDEGATE_MODELS", str(home))
    return home


@pytest.fixture
def in_process(monkeypatch):
    """Models are tried in this process: no time is spent on starting another."""

    def try_out(manifest, text, weights):
        golden.verify(catalogue.open_model(manifest, weights))

    monkeypatch.setattr(adding, "try_out", try_out)
