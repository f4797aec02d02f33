import json
from importlib import resources

import jsonschema
import msgspec
import pytest
import yaml

from tests.report.evaluations import answers, evaluation
from tidegate.schemas import SCHEMAS, text


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_files_are_those_that_the_types_make(name):
    file = resources.files("tidegate.schemas") / name
    assert file.read_text(encoding="utf-8") == text(name), "run: python -m tidegate.schemas"


@pytest.mark.parametrize(
    ("name", "folder", "file"),
    [
        ("policy-v1.json", "policies", "default.yaml"),
        ("model-v1.json", "detectors/models", "opennsfw.model.yaml"),
    ],
)
def test_shipped_files_fit_their_schema(name, folder, file):
    shipped = resources.files("tidegate").joinpath(folder, file).read_text(encoding="utf-8")
    schema = yaml.safe_load(text(name))
    jsonschema.validate(yaml.safe_load(shipped), schema)


@pytest.mark.parametrize("detectors", [("a",), ("a", "b")])
def test_an_evaluation_fits_its_schema(detectors):
    made = evaluation(answers(detectors=detectors), *detectors)
    made = json.loads(msgspec.json.encode(made))
    schema = json.loads(text("evaluation-v1.json"))
    jsonschema.validate(made, schema)
    made["categories"][0]["opinions"][0]["agree"] = "both"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(made, schema)
