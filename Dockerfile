# The image: the wheel and the hashed lock on a runtime without shell, package manager and compiler.
# Both bases have Python 3.13 of Debian 13, so that what is compiled in the first runs in the second. They are pinned by
# digest; Dependabot proposes newer ones.

FROM docker.io/library/python:3.13-trixie@sha256:82c46c08c991d3d3ff10476ac5e386c2c28f27bbd3985a02c5e39fe99ab272eb AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ONLY_BINARY=:all: \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
# Dependencies first: they change less often than the code, and their layer is then used again.
RUN python3 -m venv /build \
    && /build/bin/pip install --require-hashes --no-deps --requirement requirements-build.lock \
    && /build/bin/pip install --require-hashes --no-deps --no-compile --target /app/lib --requirement requirements.lock \
    && rm -r /app/lib/bin
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY config config
COPY models models
COPY detector detector
# With CI=true the build fails where the scanner cannot be compiled. The script is to start the interpreter of the
# runtime, not that of this stage; byte code is made here, because the tree is read-only when it runs. pip makes none:
# its own would be looked up by time, and compileall leaves alone what is there. Nobody runs tests of the libraries, or
# imports those that are named: others want them, for what the detector does not do.
RUN CI=true /build/bin/pip wheel --no-deps --no-index --no-build-isolation --wheel-dir /wheel . \
    && /build/bin/pip install --no-deps --no-index --no-compile --target /app/lib /wheel/*.whl \
    && mv /app/lib/bin /app/bin \
    && sed -i '1s|.*|#!/usr/bin/python3|' /app/bin/agent-detector \
    && python3 -m compileall -q --invalidation-mode unchecked-hash -x '/(tests?|PIL|fontTools|matplotlib|mpl_toolkits|pygments|wcwidth)/' /app/lib \
    && install -d -m 0700 /data

FROM gcr.io/distroless/python3-debian13:nonroot@sha256:8ee214843129f43e2ebf5e0ca9f2e4e6d8292143d1b8a6787f169b5898578884
ARG VERSION=unreleased
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="entra-agent-detector" \
      org.opencontainers.image.description="Streaming anomaly detector for Microsoft Entra Agent ID" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/example/entra-agent-detector" \
      org.opencontainers.image.documentation="https://github.com/example/entra-agent-detector/blob/main/docs/kubernetes.md" \
      org.opencontainers.image.base.name="gcr.io/distroless/python3-debian13:nonroot" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build /app /app
COPY --from=build --chown=65532:65532 /data /data
# PYTHONSAFEPATH: modules come from /app alone, never from the directory that the service may write to.
ENV PATH=/app/bin:/usr/bin:/bin \
    PYTHONPATH=/app/lib \
    PYTHONSAFEPATH=1 \
    PYTHONNOUSERSITE=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# The default configuration keeps its store in `data`, which from here is /data.
WORKDIR /
USER 65532:65532
# checkov:skip=CKV_DOCKER_2:The kubelet asks /livez, /readyz and /startupz; OCI images have no HEALTHCHECK.
EXPOSE 9464 9465
STOPSIGNAL SIGTERM
ENTRYPOINT ["/app/bin/agent-detector"]
CMD ["run"]
