import contextlib
import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detectors.examples import PLAIN, manifest
from tidegate import taxonomy
from tidegate.detectors import ManifestError, parse
from tidegate.detectors.manifest import Target
from tidegate.detectors.parse import MAX_MAPPED


def refused(text: str) -> str:
    with pytest.raises(ManifestError) as error:
        parse(text, "m.yaml")
    assert str(error.value).startswith("m.yaml")
    return str(error.value)


def test_allowed_labels_load():
    loaded = parse(manifest({"gun": "violence.weapon"}, ["gun", "male", "cat"]), "m.yaml")
    assert loaded.categories == ("violence.weapon",)


def test_a_label_may_have_a_weight():
    text = manifest({"gun": {"category": "violence.weapon", "weight": 0.5}})
    assert parse(text, "m.yaml").targets == {"gun": Target(category="violence.weapon", weight=0.5)}


@pytest.mark.parametrize("label", ["FACE_FEMALE", "uyghur", "мечеть", "military uniform"])
def test_a_protected_attribute_is_refused_by_name(label):
    told = refused(manifest({label: "violence.weapon"}))
    assert repr(label) in told
    assert "is refused" in told


@pytest.mark.parametrize(
    "field",
    [{"id": "uyghur-finder"}, {"title": "Gender and age"}, {"version": "2.1-w0man"}],
)
def test_a_model_that_is_named_for_it_is_refused(field):
    assert "is refused" in refused(manifest(**field))


@pytest.mark.parametrize(
    "version", ["18", "2024-06-18", "6.52", "v2", "1.0-rc1+cpu", "r50", "1e5f3a2"]
)
def test_what_only_counts_versions_is_no_reason_to_refuse(version):
    assert parse(manifest(version=version), "m").version == version


@pytest.mark.parametrize("version", ["", "a b", "-1", "1\n", "1" * 33, "1;x", "é"])
def test_a_version_is_no_free_text(version):
    with pytest.raises(ManifestError, match=r"\$.version"):
        parse(manifest(version=version), "m")


def test_a_target_outside_the_taxonomy_is_refused():
    assert "not a category of taxonomy" in refused(manifest({"gun": "ethnicity.uyghur"}))


@pytest.mark.parametrize("category", [c.id for c in taxonomy.CATEGORIES.values()])
def test_only_detector_categories_can_be_targets(category):
    text = manifest({"thing": category})
    if taxonomy.get(category).source == "detector":
        assert parse(text, "m.yaml").categories == (category,)
    else:
        assert "may not be asserted by a model" in refused(text)


@pytest.mark.parametrize(("count", "shift"), [(1000, 0), (1001, 1)])
@pytest.mark.parametrize("index", [497, 652, 668, 741, 887])
def test_classes_of_imagenet_are_refused_by_their_place(index, count, shift):
    outputs = [f"o{'abcdefghij'[i // 100]}{'klmnopqrst'[i // 10 % 10]}{'uvwxyzABCD'[i % 10]}"
               for i in range(1000)] + ["z"] * (count - 1000)  # fmt: skip
    label = outputs[index + shift]
    assert repr(label) in refused(manifest({label: "violence.weapon"}, outputs))
    assert parse(manifest({outputs[413 + shift]: "violence.weapon"}, outputs), "m.yaml")


def test_a_label_that_the_model_does_not_have_is_refused():
    assert "not an output" in refused(manifest({"gun": "violence.weapon"}, ["cat"]))


def test_a_label_that_two_outputs_have_is_refused():
    text = manifest({"gun": "violence.weapon"}, ["gun", "crane", "crane", "gun"])
    assert "more than once" in refused(text)


def test_what_is_mapped_cannot_be_dropped_and_what_is_dropped_is_an_output():
    assert "mapped and dropped" in refused(manifest(dropped=["gun"]))
    assert "not an output" in refused(manifest(dropped=["secret"]))
    text = manifest({"gun": "violence.weapon"}, ["gun", "female"], dropped=["female"])
    assert parse(text, "m.yaml").dropped == ("female",)


def test_free_fields_are_refused():
    for changes in ({"prompts": ["anything"]}, {"input__prompt": "anything"}):
        told = refused(manifest(**changes))
        assert "unknown field" in told
        assert "prompt" not in told


LINES = {"violence.weapon": [1.0, 0.0]}
TABLE = {"violence.weapon": [[0.0, 0.0], [0.5, 0.2], [1.0, 1.0]]}


@pytest.mark.parametrize(
    "given",
    [
        {"method": "none"},
        {"method": "temperature", "temperature": 1.5, "data": "held out"},
        {"method": "platt", "lines": LINES, "data": "held out"},
        {"method": "isotonic", "tables": TABLE, "data": "held out"},
    ],
)
def test_calibrations_load(given):
    assert parse(manifest(calibration=given), "m.yaml").calibration


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": "../up"}, "id"),
        ({"id": "new\n"}, "id"),
        ({"version": "1\nsecond line"}, "version"),
        ({"file__path": "../../etc/passwd"}, "leads out"),
        ({"file__path": "/etc/passwd"}, "leads out"),
        ({"file__path": "deep/er.onnx"}, "bare name"),
        ({"file__path": ".hidden"}, "bare name"),
        ({"file__path": "example.model.yaml"}, "names the manifest"),
        ({"file__size": 1 << 40}, "size"),
        ({"file__sha256": "abc"}, "sha256"),
        ({"batch": 10_000}, "batch"),
        ({"input__crop": 17}, "larger than"),
        ({"input__resize": 10**9}, "resize"),
        ({"input__std": [0.0, 1.0, 1.0]}, "std"),
        ({"input__mean": [math.nan, 0.0, 0.0]}, "not finite"),
        ({"input__scale": math.inf}, "not finite"),
        ({"input__dtype": "uint8", "input__scale": 0.5}, "uint8"),
        ({"input__layout": "cnhw"}, "layout"),
        ({"output__activation": "sigmoid"}, "write max"),
        ({"output__boxes": {"format": "xyxy"}}, "task detect"),
        ({"task": "detect"}, "task detect"),
        ({"task": "identify"}, "task"),
        ({"labels": {}}, "labels"),
        ({"labels": {"gun": {"category": "violence.weapon", "weight": 0.0}}}, "weight"),
        ({"calibration": {"method": "platt", "lines": {}, "data": "x"}}, "exactly"),
        ({"calibration": {"method": "platt", "lines": LINES}}, "data"),
        ({"calibration": {"method": "temperature", "temperature": 0.0, "data": "x"}}, "temper"),
        (
            {
                "calibration": {
                    "method": "isotonic",
                    "tables": {"violence.weapon": [[0.0, 0.9], [1.0, 0.1]]},
                    "data": "x",
                }
            },
            "does not rise",
        ),
        ({"thresholds": {"violence.gore": {"review": 0.5}}}, "none of the model's"),
        ({"thresholds": {"violence.weapon": {"allow": 0.5}}}, "allow"),
        ({"thresholds": {"violence.weapon": {"review": 0.9, "remove": 0.5}}}, "stronger"),
        ({"thresholds": {"violence.weapon": {"remove": 0.5}}, "review_only": True}, "no more"),
        ({"golden": [{"seed": 1, "scores": {}}]}, "golden vector"),
        ({"golden": [{"seed": 1, "scores": {"violence.weapon": 2.0}}]}, "scores"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(changes, reason):
    assert reason in refused(manifest(**changes))


def test_default_thresholds_load():
    given = {"violence.weapon": {"label": 0.2, "review": 0.5}}
    assert parse(manifest(thresholds=given, review_only=True), "m.yaml").thresholds == given


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b]\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BOMB, "aliases"),
        ("[" * 5000, "nested"),
        ("a: 1\na: 2\n", "twice"),
        ("? [a]\n: b\n", "no text"),
        ("x" * (3 << 20), "longer than"),
        ("a: 2001-99-99\n", "cannot be"),
        ("a: " + "9" * 5000, "cannot be"),
        ("a: [\n", "no YAML"),
        ("!!python/object/apply:os.system [true]", "tags"),
        ("a: !!bool female", "tags"),
        ('a: !!int ""', "tags"),
        ("a: !!timestamp x", "tags"),
        ("a: !female x", "tags"),
        ("a: ! female", "tags"),
        ("a: {<<: {b: 1}}", "merge"),
        ("<<: female", "merge"),
        ("a: " + "1:" * 500 + "1", "too long"),
        ("a: -" + "1:" * 200_000 + "1.5", "too long"),
        ("a: 0b_", "cannot be"),
        ("\x00", "no YAML"),
        ("- just\n- a list\n", "Expected `object`"),
        ("", "Expected `object`"),
    ],
)
def test_yaml_is_read_at_a_bounded_cost(text, reason):
    assert reason in refused(text)


def test_an_error_quotes_nothing_of_the_labels():
    labels = ["gun", "somesecret"]
    broken = manifest({"gun": "violence.weapon"}, labels).replace("- somesecret", "- [somesecret")
    assert "somesecret" not in refused(broken)
    assert "somesecret" not in refused(manifest({"gun": "violence.weapon"}, [*labels, 7]))
    assert "somesecret" not in refused(manifest(output__labels=labels, dropped=["somesecret", "x"]))


@pytest.mark.parametrize(
    "changes",
    [
        {"calibration": {"method": "female"}},
        {"calibration": {"method": "fem'ale'\n - at `$`"}},
        {"female": 1},
        {"input__female": 1},
        {"fem`ale` - at": 1},
        {"task": "female"},
        {"thresholds": {"female": {"review": 0.5}}},
        {"thresholds": {"violence.weapon": {"female": 0.5}}},
        {
            "calibration": {
                "method": "isotonic",
                "tables": {"female": [[0.0, 0.9], [1.0, 0.1]]},
                "data": "x",
            }
        },
    ],
)
def test_an_error_quotes_no_word_of_the_author(changes):
    assert "ale" not in refused(manifest(**changes))


BOX = {"format": "xyxy"}


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("file.path", {"file__path": "gender.onnx"}),
        ("file.path", {"file__path": "models/gender.onnx", "file__package": "some"}),
        ("file.path", {"file__path": "faces/a.onnx", "file__package": "some"}),
        ("file.package", {"file__path": "a/b.onnx", "file__package": "age-estimator"}),
        ("input.name", {"input__name": "face_crop"}),
        ("output.name", {"output__name": "ethnicity_logits"}),
        ("output.boxes.name", {"task": "detect", "output__boxes": BOX | {"name": "faces"}}),
    ],
)
def test_names_of_the_parts_pass_the_red_line_too(field, changes):
    told = refused(manifest(**changes))
    assert told.startswith(f"m.yaml: {field} ")
    assert "is refused" in told


def test_so_many_labels_are_mapped_and_no_more():
    letters = "bdgjkqvxz"
    names = [a + b + c + d + "x" for a in letters for b in letters for c in letters for d in "bdg"]
    assert len(names) > MAX_MAPPED
    assert "are mapped" in refused(manifest(dict.fromkeys(names, "violence.weapon")))
    assert parse(manifest({names[0]: "violence.weapon"}, names), "m.yaml")
    long = dict.fromkeys((name * 40 for name in names[:300]), "violence.weapon")
    assert "characters" in refused(manifest(long))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
fields = st.sampled_from(
    [*PLAIN, "review_only", "calibration", "thresholds", "dropped", "batch", "golden", "prompt"]
)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(fields, anything, max_size=4))
def test_any_manifest_loads_or_is_refused(changes):
    text = yaml.safe_dump(PLAIN | changes, allow_unicode=True)
    with contextlib.suppress(ManifestError):
        assert set(parse(text, "m.yaml").categories) <= set(taxonomy.detectable())


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    refused(text)
