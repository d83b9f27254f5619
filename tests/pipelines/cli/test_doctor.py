"""`ann doctor`: what was found, and an exit code that programs can rely on."""

import json

import pytest

from pipelines.maintenance import doctor
from pipelines.maintenance.doctor import Finding

SOUND = Finding("packages", True, "mlflow 3.17")
MISSING = Finding("MNIST", False, "not found; set ANN_MNIST_PATH")


@pytest.fixture
def findings(monkeypatch) -> list[Finding]:
    found = [SOUND]
    monkeypatch.setattr(doctor, "diagnose", lambda settings: found)
    return found


def test_all_being_well_is_code_0(ann, findings):
    result = ann("doctor")
    assert (result.exit_code, result.stdout) == (0, "✓ packages: mlflow 3.17\n")


def test_one_thing_missing_is_code_1_and_says_what_to_do(ann, findings):
    findings.insert(0, MISSING)
    result = ann("doctor")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "✗ MNIST: not found; set ANN_MNIST_PATH",
        "✓ packages: mlflow 3.17",
    ]


@pytest.mark.parametrize(("more", "code"), [([], 0), ([MISSING], 1)])
def test_programs_read_the_findings_as_json_with_the_same_code(ann, findings, more, code):
    findings += more
    result = ann("doctor", "--json")
    assert result.exit_code == code
    assert [each["healthy"] for each in json.loads(result.stdout)] == [True, False][: code + 1]


def test_nothing_is_made(ann, findings, tmp_path):
    ann("doctor")
    assert not (tmp_path / "home").exists()
