import os

# Before anything imports the runtime: it would report to its maker (docs/runtime.md).
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
for name in ("TIDEGATE_RUNTIME", "TIDEGATE_DEVICE", "TIDEGATE_BATCH"):
    os.environ.pop(name, None)

import pytest  # noqa: E402

# Once for all folders of tests: a fixture that is imported into two of them is two fixtures.
pytest_plugins = ("tests.store.databases",)


@pytest.fixture(autouse=True, scope="session")
def model_home_without_models(tmp_path_factory):
    """No test depends on which models a developer has installed."""
    os.environ["TIDEGATE_MODELS"] = str(tmp_path_factory.mktemp("models"))
