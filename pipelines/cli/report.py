"""`ann report`: parse, call, write."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import click

from pipelines.cli import session
from pipelines.cli.options import FilePath, examples

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PRINTING_SECONDS = 60


@click.command(
    epilog=examples("ann report", "ann report lecture.html", "ann report lecture.html --pdf")
)
@click.argument("file", type=FilePath(path_type=Path, dir_okay=False), default=Path("report.html"))
@click.option("--pdf", is_flag=True, help="Write a PDF, too, with Chromium or Chrome.")
def report(file: Path, pdf: bool) -> None:
    """Write the whole lecture as one HTML page: questions, figures, numbers, the champion.

    It shows the newest finished run of every variant, needs no other file, and prints on A4.
    """
    from pipelines.errors import WrongUse

    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if pdf and browser is None:
        raise WrongUse(
            "--pdf needs Chromium or Chrome, and none is found; install one, or open the HTML page "
            "and print it."
        )
    if pdf and file.suffix.lower() == ".pdf":
        raise WrongUse(
            f"{file} would be the HTML page, from which the PDF is printed; name the page: "
            f"`ann report {file.with_suffix('.html')} --pdf` writes the PDF beside it."
        )
    settings = session.load_settings_with_runs()
    from pipelines.flows import lecture_report
    from pipelines.registry.client import Registry
    from pipelines.settings import ui_address
    from pipelines.tracking.client import Tracking

    tracking = Tracking(settings).open()
    registry = Registry(settings.tracking_uri, settings.home)
    page = lecture_report.report(tracking, registry, ui_address(settings))
    try:
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise WrongUse(f"{file} cannot be written: {error.strerror}.") from error
    click.echo(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
    if pdf and browser:
        click.echo(_print(browser, file))


def _print(browser: str, page: Path) -> Path:
    """The page as a PDF next to it."""
    from pipelines.errors import PipelineError

    target = page.with_suffix(".pdf")
    command = [
        browser,
        "--headless",
        "--no-sandbox",  # as root, in a container, there is none; the page is our own
        "--disable-gpu",
        "--no-pdf-header-footer",
        f"--print-to-pdf={target.resolve()}",
        page.resolve().as_uri(),
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=PRINTING_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        raise PipelineError(
            f"{browser} did not print {page}: {error}. Open the page and print it."
        ) from error
    return target
