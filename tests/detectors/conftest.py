import pytest


@pytest.fixture(autouse=True)
def model_home(tmp_path, monkeypatch):
    """A model home that is empty, whatever the developer has in theirs."""
    home = tmp_path / "models"
    monkeypatch.setenv("TIDEGATE_MODELS", str(home))
    return home
