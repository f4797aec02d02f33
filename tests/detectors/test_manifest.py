import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate import taxonomy
from tidegate.detectors import ManifestError, parse, red_line

MANIFEST = """
manifest: 1
id: example
version: "1"
title: Example
task: classify
file: {{package: nothing, path: nothing.onnx, sha256: "00", size: 1}}
licence: {{code: MIT, weights: MIT}}
source: nowhere
training: unknown
covers: nothing
input: {{name: x, resize: 256, crop: 224, colour: rgb, mean: [0, 0, 0]}}
output: {{name: y, labels: [{outputs}]}}
labels: {{{labels}}}
"""


def manifest(labels: dict[str, str], outputs: list[str] | None = None) -> str:
    quoted = [repr(o) for o in (list(labels) if outputs is None else outputs)]
    return MANIFEST.format(
        outputs=", ".join(quoted), labels=", ".join(f"{k!r}: {v}" for k, v in labels.items())
    )


def test_allowed_labels_load():
    loaded = parse(manifest({"gun": "violence.weapon"}, ["gun", "male", "cat"]), "m.yaml")
    assert loaded.categories == ("violence.weapon",)


@pytest.mark.parametrize(
    "label",
    [
        "FACE_FEMALE",
        "faceAge",
        "uyghur",
        "Uighur man",
        "asian-woman",
        "hijab",
        "beard",
        "mosque",
        "national_flag",
        "skin_tone",
        "Muslim",
        "visage",
        "维吾尔族",
        "女性",
        "мечеть",
        "حجاب",
        "Kopftuch",
        "église",
        "wheelchair",
        "communist",
        "homosexuality",
        "person_id",
        "celebrity",
        "child",
        "schoolgirl",
        "femalebreast",
        "asianwoman",
        "priest",
        "trans",
    ],
)
def test_a_protected_attribute_is_refused_by_name(label):
    with pytest.raises(ManifestError) as error:
        parse(manifest({label: "violence.weapon"}), "m.yaml")
    assert repr(label) in str(error.value)
    assert "refused" in str(error.value)
    assert "m.yaml" in str(error.value)


@pytest.mark.parametrize(
    "label",
    ["nsfw", "porn", "hentai", "sexy", "rifle", "assault_rifle", "beer", "slot"],
)
def test_content_is_not_refused(label):
    assert red_line.check(label) is None


def test_a_target_outside_the_taxonomy_is_refused():
    with pytest.raises(ManifestError, match="not a category of taxonomy"):
        parse(manifest({"gun": "ethnicity.uyghur"}), "m.yaml")


@pytest.mark.parametrize("category", [c.id for c in taxonomy.CATEGORIES.values()])
def test_only_detector_categories_can_be_targets(category):
    text = manifest({"thing": category})
    if taxonomy.get(category).source == "detector":
        assert parse(text, "m.yaml").labels == {"thing": category}
    else:
        with pytest.raises(ManifestError, match="may not be asserted by a model"):
            parse(text, "m.yaml")


def test_a_label_that_the_model_does_not_have_is_refused():
    with pytest.raises(ManifestError, match="not an output"):
        parse(manifest({"gun": "violence.weapon"}, ["cat"]), "m.yaml")


def test_free_fields_are_refused():
    with pytest.raises(ManifestError, match="prompts"):
        parse(manifest({"gun": "violence.weapon"}) + "prompts: [anything]\n", "m.yaml")


@given(st.text(min_size=1), st.sampled_from(["female", "uyghur", "religion", "age"]))
def test_a_protected_word_is_found_in_any_company(text, word):
    assert red_line.check(f"{text}_{word}") is not None
    assert red_line.check(f"{word.upper()} {text}") is not None
