"""Adding a model to the model home, and taking it out again."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from tests.detectors.examples import brightness, manifest, stored
from tidegate.detectors import ManifestError, adding, catalogue, golden, installed, models
from tidegate.detectors.golden import answer

GUN = brightness([[1, 0, 0]])
OTHER = brightness([[0, 1, 0]])
SCALED = {"input__scale": 1 / 255}

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture
def files(tmp_path):
    """A manifest with a golden vector that is right, and its weights."""
    folder = tmp_path / "made"
    folder.mkdir()
    file, weights = stored(folder, GUN, manifest(**SCALED))
    detector = catalogue.open_model(catalogue.parse(file.read_text(), file.name), weights)
    given = {"seed": 3, "scores": answer(detector, 3).scores}
    return stored(folder, GUN, manifest(**SCALED, golden=[given]))


def version(name="example"):
    """What a reader finds: the version of a model that is whole and loads."""
    (found,) = [d.manifest.version for d in installed() if d.id == name]
    return found


def test_an_added_model_is_installed_and_asked(files, model_home):
    added = adding.add(*files)
    assert added.origin == "added"
    assert added.weights.is_relative_to(model_home / "example")
    assert installed()[-1].id == "example"
    golden.verify(added.load())


def test_a_model_is_loaded_once(files):
    assert adding.add(*files).load() is installed()[-1]


def test_the_weights_beside_the_manifest_are_found(files):
    assert adding.add(files[0]).weights.is_file()


def test_the_home_is_made_where_there_is_none(files, model_home):
    model_home.rmdir()
    adding.add(*files)
    assert version() == "1"


def test_a_model_takes_the_place_of_its_older_version_and_leaves_nothing_of_it(files, model_home):
    adding.add(*files)
    newer = manifest(**SCALED, version="2")
    assert adding.add(*stored(files[0].parent, OTHER, newer)).manifest.version == "2"
    assert version() == "2"
    assert len([p for p in model_home.rglob("*") if p.is_file()]) == 2


def test_at_each_step_of_an_update_a_reader_finds_the_old_or_the_new(files):
    """What a reader finds between two lines is also what a crash there leaves behind."""
    adding.add(*files)
    newer = stored(files[0].parent, OTHER, manifest(**SCALED, version="2"))
    seen = []

    def between(frame, event, _):
        if frame.f_code.co_filename != adding.__file__:
            return None
        if event in ("line", "return"):
            sys.settrace(None)
            seen.append(version())
            sys.settrace(between)
        return between

    before = sys.gettrace()
    sys.settrace(between)
    try:
        adding.add(*newer)
    finally:
        sys.settrace(before)
    assert seen == sorted(seen)
    assert set(seen) == {"1", "2"}


@pytest.mark.parametrize("call", ["replace", "fsync", "flock", "rmtree"])
def test_an_update_that_is_cut_off_leaves_one_of_both_and_can_be_done_again(
    files, monkeypatch, call
):
    adding.add(*files)
    newer = stored(files[0].parent, OTHER, manifest(**SCALED, version="2"))

    def cut(*_):
        raise KeyboardInterrupt

    owner = {"replace": adding.Path, "fsync": adding.os, "flock": adding.fcntl}
    with monkeypatch.context() as patched:
        patched.setattr(owner.get(call, adding.shutil), call, cut)
        with pytest.raises(KeyboardInterrupt):
            adding.add(*newer)
    assert version() == ("2" if call == "rmtree" else "1")
    adding.add(*newer)
    assert version() == "2"
    adding.remove("example")


def test_a_reader_that_has_read_the_old_manifest_finds_the_new_model(files, monkeypatch):
    """Its weights go between the two looks of one call."""
    adding.add(*files)
    newer = stored(files[0].parent, OTHER, manifest(**SCALED, version="2"))
    real, looks = catalogue.models, []

    def overtaken():
        found = real()
        if not looks:
            adding.add(*newer)
        looks.append(found)
        return found

    monkeypatch.setattr(catalogue, "models", overtaken)
    assert version() == "2"


def test_two_at_once_leave_one_whole(files, tmp_path):
    made = []
    for number, model in enumerate((GUN, OTHER)):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        made.append(stored(folder, model, manifest(**SCALED, version=f"{number}")))
    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(lambda pair: adding.add(*pair), made * 4):
            pass
    assert version() in ("0", "1")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"labels": {"gun": "known.other"}}, "may not be asserted"),
        ({"id": "opennsfw"}, "comes with Tidegate"),
        ({"golden": [{"seed": 3, "scores": {"violence.weapon": 0.9}}]}, "score is off by"),
        ({"input__scale": 1.0}, "does not run"),
        ({"output__name": "z"}, "no output"),
        ({"version": "1.0-woman"}, "version 'woman' is refused"),
    ],
)
def test_what_fails_a_check_is_not_added(files, model_home, changes, reason):
    plain = yaml.safe_load(manifest(**(SCALED | changes)))
    vectors = yaml.safe_load(files[0].read_text())["golden"]
    text = yaml.safe_dump({"golden": vectors} | plain)
    with pytest.raises(ManifestError, match=reason):
        adding.add(*stored(files[0].parent, GUN, text))
    assert not list(model_home.iterdir())


def test_weights_that_change_after_their_trial_are_not_added(files, monkeypatch):
    tried = adding.try_out

    def then_changed(given, text, weights):
        tried(given, text, weights)
        weights.write_bytes(OTHER)

    monkeypatch.setattr(adding, "try_out", then_changed)
    with pytest.raises(ManifestError, match="was changed while it was added"):
        adding.add(*files)
    assert "example" not in [model.manifest.id for model in models()]


def test_a_model_that_gives_no_probabilities_is_not_added_though_no_vector_asks(tmp_path):
    with pytest.raises(ManifestError, match="does not run"):
        adding.add(*stored(tmp_path, GUN, manifest()))


def test_a_model_without_its_weights_is_not_added(files):
    files[1].unlink()
    with pytest.raises(ManifestError, match=r"example: .*example\.onnx cannot be read"):
        adding.add(*files)


@pytest.mark.parametrize("name", ["..", ".", "", "../made", "/", "nothing"])
def test_only_models_of_the_home_are_removed(files, name):
    adding.add(*files)
    assert adding.remove(name) is False
    assert files[0].exists()
    assert version() == "1"
    assert adding.remove("example") is True
    assert "example" not in [model.manifest.id for model in models()]
