"""The doctor's findings for a state folder, all of them or one check's."""

from pipelines import settings
from pipelines.maintenance import doctor
from pipelines.maintenance.doctor import Finding


def diagnose(home, **environ: str) -> dict[str, Finding]:
    found = doctor.diagnose(settings.read({"ANN_HOME": str(home), **environ}))
    return {finding.subject: finding for finding in found}


def only(check, home, **environ: str) -> Finding:
    loaded = settings.read({"ANN_HOME": str(home), **environ})
    if check not in (doctor._tracking, doctor._artifacts, doctor._champion):
        return check(loaded)
    with doctor._copied(loaded) as (copy, _):
        return check(loaded, copy)
