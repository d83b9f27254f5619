# Four images, each without what it does not need:
#   serving   answers digits; no TensorFlow
#   backend   MLflow's and Prefect's servers
#   worker    trains: MLflow, Prefect, TensorFlow and this project
#   proxy     Caddy, in front of the service
# The versions are requirements-*.lock's, each file checked by its hash. The Python is the one that
# the tests run on; PYTHON_IMAGE may name a digest (deploy/pin_images.sh).
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS base
ENV PYTHONUNBUFFERED=1 DO_NOT_TRACK=true
RUN useradd --uid 10001 --no-log-init --create-home --home-dir /var/lib/ann ann \
    && install --directory --owner=ann --group=ann /var/lib/artifacts
WORKDIR /var/lib/ann

# --- packages are installed in stages of their own: nothing that installs is in an image ----------

FROM base AS installer
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
COPY deploy/install.sh /usr/local/bin/install_lock

FROM installer AS wheel
WORKDIR /source
COPY requirements.lock .
RUN sed -n '/^setuptools==/,/^    # via/p' requirements.lock >build.lock \
    && pip install --quiet --no-deps --require-hashes -r build.lock
COPY pyproject.toml README.md ./
COPY ann_models ann_models
COPY benchmarks benchmarks
COPY digit_images digit_images
COPY pipelines pipelines
COPY serving serving
RUN pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheel .
RUN pip install --quiet --no-deps --no-index --no-compile --prefix /packages /wheel/*.whl

FROM installer AS serving-packages
COPY requirements-serving.lock /tmp/
RUN install_lock /tmp/requirements-serving.lock compile

FROM installer AS backend-packages
COPY requirements-backend.lock /tmp/
RUN install_lock /tmp/requirements-backend.lock compile

# No bytecode: a third of TensorFlow's size. The worker keeps it on its volume.
FROM installer AS worker-packages
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends binutils >/dev/null
COPY requirements-worker.lock /tmp/
# Without pyarrow, of 150 MB, which only MLflow's data sets of Spark and Delta need.
RUN install_lock /tmp/requirements-worker.lock \
    && rm -r /packages/lib/python3*/site-packages/pyarrow*

# --- the images -----------------------------------------------------------------------------------

FROM base AS runtime
RUN pip uninstall --quiet --yes --root-user-action ignore setuptools wheel pip

FROM runtime AS backend
COPY --from=backend-packages /packages /usr/local
USER ann

FROM runtime AS serving
COPY --from=serving-packages /packages /usr/local
COPY --from=wheel /packages /usr/local
USER ann
ENV ANN_HOME=/var/lib/ann
CMD ["ann", "serve", "--host", "0.0.0.0", "--workers", "2"]

FROM runtime AS worker
COPY --from=worker-packages /packages /usr/local
COPY --from=wheel /packages /usr/local
USER ann
ENV ANN_HOME=/var/lib/ann PYTHONPYCACHEPREFIX=/var/lib/ann/bytecode
CMD ["python", "-m", "pipelines.worker"]

FROM base AS caddy
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends caddy >/dev/null

FROM runtime AS proxy
COPY --from=caddy /usr/bin/caddy /usr/local/bin/
COPY deploy/proxy.sh /usr/local/bin/
COPY deploy/Caddyfile /etc/caddy/Caddyfile
USER ann
CMD ["proxy.sh"]
