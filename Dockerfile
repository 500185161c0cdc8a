# syntax=docker/dockerfile:1

# Only this stage sees the source. Its tools are pinned by the lock that the tests were run with.
FROM python:3.13-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements-dev.lock ./
RUN pip install --require-hashes -r requirements-dev.lock
COPY requirements.lock ./
RUN python -m venv /opt/hallway && /opt/hallway/bin/pip install --require-hashes -r requirements.lock
COPY . ./
RUN python -m build --wheel --no-isolation && /opt/hallway/bin/pip install --no-deps dist/*.whl

FROM python:3.13-slim-bookworm
COPY --from=build /opt/hallway /opt/hallway
RUN useradd --system --uid 10001 --home-dir /data --create-home hallway
ENV PATH=/opt/hallway/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HALLWAY_HOST=0.0.0.0 \
    HALLWAY_DATA_DIR=/data
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["hallway", "serve"]
# Another distribution may own a name as plain as `auth`: such an image must not be built.
RUN ["python", "-c", "import importlib.metadata as m; d = m.packages_distributions(); assert all(set(d[n]) == {'hallway'} for n in ('gateway', 'connectors', 'cache', 'auth', 'web')), d"]
