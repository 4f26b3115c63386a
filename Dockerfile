# The prober's image: no compiler, no pip, no secret, nobody's root; the config is mounted, never baked in. docs/image.md tells
# how it is built (with any engine, or without one by scripts/image), what it may write, and what was tried in it.
ARG BASE_IMAGE=python:3.13-slim

# Everything of others, as constraints.txt locks it: a layer that a new version of ours leaves as it is.
FROM ${BASE_IMAGE} AS dependencies
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0
WORKDIR /src
COPY constraints.txt ./
RUN python -m venv /opt/tools \
    && python -m venv --without-pip /opt/prober \
    && /opt/tools/bin/pip --python /opt/prober/bin/python install --no-compile --only-binary :all: --require-hashes --requirement constraints.txt \
    # Of what was installed only Python is started.
    && find /opt/prober/bin -type f -delete && rm -rf /opt/prober/include /opt/prober/bin/__pycache__ \
    # What is compiled is never compared with a time, so that the same sources are the same bytes.
    && /opt/prober/bin/python -m compileall -f -q --invalidation-mode unchecked-hash /opt/prober/lib

# Ours, built by what constraints-build.txt locks.
FROM dependencies AS program
COPY constraints-build.txt ./
RUN /opt/tools/bin/pip install --only-binary :all: --require-hashes --requirement constraints-build.txt
COPY pyproject.toml README.md LICENSE ./
COPY prober ./prober
RUN /opt/tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
    && /opt/tools/bin/pip --python /opt/prober/bin/python install --no-compile --no-deps --prefix /opt/program /wheel/*.whl \
    && /opt/prober/bin/python -m compileall -f -q --invalidation-mode unchecked-hash -s /opt/program -p /opt/prober /opt/program/lib

FROM ${BASE_IMAGE}
# The base's installers have done their work, and nobody here becomes somebody else; /var/lib/prober is all that is written
# beside /tmp, and ours alone.
RUN rm -rf /usr/local/lib/python3*/site-packages/* /usr/local/lib/python3*/ensurepip /usr/local/bin/pip* \
      /usr/lib/python3*/ensurepip /usr/share/python-wheels \
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
    && install -d -m 0700 -o 10001 -g 10001 /var/lib/prober
COPY --from=dependencies /opt/prober /opt/prober
COPY --from=program /opt/program /opt/prober
ENV PATH=/opt/prober/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PROBER_CONFIG=/etc/prober/probes.yaml
# What is written down (prober.db) goes into the working directory: a volume outlives the container.
WORKDIR /var/lib/prober
VOLUME /var/lib/prober
USER 10001:10001
EXPOSE 9464
# By http.client, which knows no proxies; liveness is ours alone, and says nothing of targets.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-IS", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 9464, timeout=2); c.request('GET', '/-/healthy'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["prober"]
CMD ["serve", "--listen", "0.0.0.0:9464"]
ARG VERSION="" REVISION="" CREATED="" SOURCE=""
LABEL org.opencontainers.image.title="prober" \
      org.opencontainers.image.description="Tells a team why their staging environment refuses tokens" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}"
