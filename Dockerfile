# Three images, each without what it does not need:
#   serving   answers digits; no TensorFlow
#   backend   MLflow's and Prefect's servers
#   worker    trains: the backend's packages, TensorFlow and this project
# The versions are requirements-*.lock's, each file checked by its hash. The Python is the one that
# the tests run on.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS base
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DO_NOT_TRACK=true
RUN useradd --uid 10001 --no-log-init --create-home --home-dir /var/lib/ann ann
WORKDIR /var/lib/ann

FROM base AS backend
RUN install --directory --owner=ann --group=ann /var/lib/artifacts
COPY requirements-backend.lock /tmp/
RUN pip install --quiet --no-deps --require-hashes -r /tmp/requirements-backend.lock
USER ann

FROM base AS wheel
WORKDIR /source
COPY requirements.lock .
RUN sed -n '/^setuptools==/,/^    # via/p' requirements.lock >build.lock \
    && pip install --quiet --no-deps --require-hashes -r build.lock
COPY pyproject.toml README.md ./
COPY ann_models ann_models
COPY benchmarks benchmarks
COPY digit_images digit_images
COPY mlflow_reader mlflow_reader
COPY pipelines pipelines
COPY serving serving
RUN pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheel .

FROM base AS serving
COPY requirements-serving.lock /tmp/
RUN pip install --quiet --no-deps --require-hashes -r /tmp/requirements-serving.lock
COPY --from=wheel /wheel /tmp/wheel
RUN pip install --quiet --no-deps --no-index /tmp/wheel/*.whl
USER ann
ENV ANN_HOME=/var/lib/ann
CMD ["ann", "serve", "--host", "0.0.0.0", "--workers", "2"]

FROM backend AS worker
USER root
COPY requirements-worker.lock /tmp/
RUN pip install --quiet --no-deps --require-hashes -r /tmp/requirements-worker.lock
COPY --from=wheel /wheel /tmp/wheel
RUN pip install --quiet --no-deps --no-index /tmp/wheel/*.whl
USER ann
ENV ANN_HOME=/var/lib/ann
CMD ["python", "-m", "pipelines.worker"]
