import pytest

from tests.pipeline.recorded import record
from tidegate.evidence import Evidence
from tidegate.pipeline.labels import LabelsError
from tidegate.pipeline.record import Review
from tidegate.pipeline.reviews import read_reviews

SHA = "ab" * 32


def test_items_are_named_by_digest(tmp_path):
    (tmp_path / "r.csv").write_text(f"sha256,sexual.explicit,violence.gore\n{SHA.upper()},1,\n")
    reviews = read_reviews(tmp_path / "r.csv")
    assert reviews.of(record(Evidence(sha256=SHA))) == Review(truth={"sexual.explicit": True})
    assert reviews.of(record(Evidence(sha256="0" * 64))) is None
    assert reviews.of(record(Evidence())) is None


def test_items_are_named_by_path_as_the_record_has_it(tmp_path):
    (tmp_path / "r.csv").write_text("path;sexual.explicit\n/srv/up/../a.jpg;no\n")
    reviews = read_reviews(tmp_path / "r.csv")
    found = reviews.of(record(Evidence(), path="/srv/up/../a.jpg"))
    assert found == Review(truth={"sexual.explicit": False})


def test_the_file_goes_before_the_record_category_by_category(tmp_path):
    (tmp_path / "r.csv").write_text(f"sha256,sexual.explicit\n{SHA},0\n")
    then = Review(truth={"sexual.explicit": True, "violence.gore": True}, action="remove")
    found = read_reviews(tmp_path / "r.csv").of(record(Evidence(sha256=SHA), review=then))
    assert found == Review(truth={"sexual.explicit": False, "violence.gore": True}, action="remove")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("item,sexual.explicit\na,1\n", "one of them is 'sha256' or 'path'"),
        ("sha256,path,sexual.explicit\na,b,1\n", "one of them is 'sha256' or 'path'"),
        ("sha256,sexual.explicit\nnot-hex,1\n", "'not-hex' is no SHA-256"),
        ("sha256,sexual.explicit\n,1\n", "has no sha256"),
        ("path,beauty\na,1\n", "'beauty', is no category"),
        (f"sha256,sexual.explicit\n{SHA},1\n{SHA},0\n", "is in line 2 already"),
    ],
)
def test_what_is_wrong_is_told_with_the_file(tmp_path, text, told):
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(LabelsError, match=told) as caught:
        read_reviews(tmp_path / "r.csv")
    assert str(caught.value).startswith(str(tmp_path / "r.csv"))
