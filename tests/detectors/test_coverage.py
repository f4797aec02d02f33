from tidegate import taxonomy
from tidegate.detectors import coverage, installed
from tidegate.evidence import Evidence
from tidegate.report.coverage import coverage as reported


def test_every_category_that_could_be_is_covered_or_is_not():
    found = coverage(installed())
    assert found.detected["sexual.explicit"] == ("opennsfw",)
    assert "violence.gore" in found.not_covered
    assert {*found.detected, *found.not_covered} == set(taxonomy.detectable())
    assert "child_safety.known_material" in found.bank_only
    assert not any(c.startswith("context.") for part in found for c in part)


def test_without_detectors_nothing_is_covered():
    assert coverage(()).not_covered == taxonomy.detectable()


def test_the_report_says_so_too():
    covered = tuple(coverage(installed()).detected)
    found = reported([Evidence(covered=covered)])
    assert found.not_looked_for == coverage(installed()).not_covered
