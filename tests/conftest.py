import os

import pytest


@pytest.fixture(autouse=True, scope="session")
def model_home_without_models(tmp_path_factory):
    """No test depends on which models a developer has installed."""
    os.environ["TIDEGATE_MODELS"] = str(tmp_path_factory.mktemp("models"))
