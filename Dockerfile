# The prober's image: two stages, no compiler, no secret, nobody's root. The config is mounted, never baked in.
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /src
RUN python -m venv /opt/prober
COPY constraints.txt ./
RUN /opt/prober/bin/pip install --no-cache-dir --require-hashes --requirement constraints.txt
COPY pyproject.toml README.md LICENSE ./
COPY prober ./prober
RUN /opt/prober/bin/pip install --no-cache-dir --no-deps . \
    && /opt/prober/bin/python -m compileall -q /opt/prober/lib \
    && rm -rf /opt/prober/lib/python*/site-packages/pip /opt/prober/lib/python*/site-packages/pip-*.dist-info /opt/prober/bin/pip*

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="prober" \
      org.opencontainers.image.description="Tells a team why their staging environment refuses tokens" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/prober /opt/prober
ENV PATH=/opt/prober/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PROBER_CONFIG=/etc/prober/probes.yaml
# What is written down (prober.db) goes into the working directory: a volume outlives the container.
RUN install -d -o 10001 -g 10001 /var/lib/prober
WORKDIR /var/lib/prober
VOLUME /var/lib/prober
USER 10001:10001
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9464/-/healthy', timeout=2)"]
ENTRYPOINT ["prober"]
CMD ["serve", "--listen", "0.0.0.0:9464"]
