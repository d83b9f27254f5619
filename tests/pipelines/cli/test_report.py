"""`ann report`: one HTML page, and a PDF of it where there is a browser."""

import os
import stat

import pytest

from pipelines.cli import report as command
from pipelines.errors import PipelineError
from pipelines.flows import lecture_report
from pipelines.tracking.client import Tracking

PAGE = "<p>The lecture · 42</p>"
PRINTS = """#!/bin/sh
for word in "$@"; do case "$word" in --print-to-pdf=*) target="${word#*=}";; esac; done
printf '%s\\n' "$@" > "$target"
"""


@pytest.fixture
def written(stored, monkeypatch) -> list:
    """The addresses for which a page was made."""
    asked = []

    def report(tracking, registry, address):
        asked.append(address)
        return PAGE

    monkeypatch.setattr(lecture_report, "report", report)
    monkeypatch.setattr(Tracking, "open", lambda tracking: tracking)
    return asked


@pytest.fixture
def browser(tmp_path, monkeypatch):
    """A program that stands for a browser and writes its arguments into the PDF."""
    program = tmp_path / "bin" / "google-chrome"
    program.parent.mkdir()
    program.write_text(PRINTS)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setattr(command, "BROWSERS", ("no-such-browser", "google-chrome"))
    return program


def test_the_page_is_written_and_named_with_its_size(ann, written, tmp_path):
    file = tmp_path / "lecture.html"
    result = ann("report", str(file))
    assert result.stdout == f"{file}: 0.0 MB\n"
    assert file.read_text(encoding="utf-8") == PAGE
    assert len(written) == 1


def test_without_a_name_it_is_report_html_here(ann, written, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ann("report").stdout.startswith("report.html: ")
    assert (tmp_path / "report.html").exists()
    assert not (tmp_path / "report.pdf").exists()


def test_a_file_that_cannot_be_written_is_wrong_use(ann, written, tmp_path):
    result = ann("report", str(tmp_path / "no folder" / "a.html"))
    assert result.exit_code == 2
    assert result.stderr == (
        f"ann: {tmp_path / 'no folder' / 'a.html'} cannot be written: No such file or directory.\n"
    )


def test_without_a_browser_there_is_no_pdf_and_nothing_is_written(
    ann, written, tmp_path, monkeypatch
):
    monkeypatch.setattr(command, "BROWSERS", ("no-such-browser",))
    result = ann("report", str(tmp_path / "a.html"), "--pdf")
    assert result.exit_code == 2
    assert "--pdf needs Chromium or Chrome, and none is found" in result.stderr
    assert not (tmp_path / "a.html").exists()
    assert ann("report", str(tmp_path / "a.html")).exit_code == 0


def test_the_first_browser_that_is_found_prints_the_page_beside_it(ann, written, browser, tmp_path):
    file = tmp_path / "lecture.html"
    result = ann("report", str(file), "--pdf")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[1] == str(file.with_suffix(".pdf"))
    words = file.with_suffix(".pdf").read_text().splitlines()
    assert words[-1] == file.as_uri()
    assert "--headless" in words


def test_a_browser_that_fails_is_named_with_the_page(ann, written, browser, tmp_path):
    browser.write_text("#!/bin/sh\nexit 3\n")
    result = ann("report", str(tmp_path / "a.html"), "--pdf")
    assert result.exit_code == 1
    assert f"{browser} did not print {tmp_path / 'a.html'}: " in result.stderr
    assert "Open the page and print it." in result.stderr
    assert (tmp_path / "a.html").exists()


def test_a_browser_that_is_gone_is_a_failure_too(tmp_path):
    with pytest.raises(PipelineError, match=r"/no/browser did not print .*a\.html"):
        command._print("/no/browser", tmp_path / "a.html")


def test_a_page_is_not_written_into_the_pdf_that_is_printed_from_it(ann, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    page = tmp_path / "lecture.PDF"
    result = ann("report", str(page), "--pdf")
    assert result.exit_code == 2
    assert f"ann report {page.with_suffix('.html')} --pdf" in result.stderr
    assert not page.exists()
