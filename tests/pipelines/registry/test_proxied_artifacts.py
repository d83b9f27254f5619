"""The registry through an MLflow server that passes artifacts on."""

import numpy as np

from serving.model.download import fetch
from tests.support.registry_bench import (
    BETTER_ONLY,
    DIGITS,
    GOOD,
    NAME,
    WORSE,
    Workbench,
    calibrated_nearest_mean,
    nearest_mean,
)


def test_the_whole_story_works_through_a_server_with_proxied_artifacts(server, tmp_path):
    there = Workbench(server.uri, tmp_path / "client")
    there.registry.promote(there.register(nearest_mean(WORSE)), "the first")
    model = nearest_mean(GOOD)
    assert there.registry.judge(there.register(model), BETTER_ONLY).promote
    assert there.aliases() == {"champion": 2, "previous": 1}
    assert there.client.get_model_version(NAME, "2").source.startswith("mlflow-artifacts:")
    restored = there.registry.artifacts.keras_model(there[2])
    registered = calibrated_nearest_mean(GOOD)
    np.testing.assert_allclose(restored.get_weights()[0], registered.get_weights()[0], rtol=1e-4)

    images, home = DIGITS.arrays["x_test"][:20], tmp_path / "serving"
    served = fetch(server.uri, NAME, "champion", home)
    np.testing.assert_allclose(served.predict(images), registered(images), atol=1e-5)
    assert there.registry.rollback(NAME).number == "1"
    assert fetch(server.uri, NAME, "champion", home).version == "1"
