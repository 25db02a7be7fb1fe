# Both stages use one exact version of the base image. Whoever builds a release adds the digest that their own
# registry shows for it (FROM python:3.11.14-slim-bookworm@sha256:...); a digest nobody looked up would prove nothing.
ARG BASE=python:3.11.14-slim-bookworm

FROM ${BASE} AS build
WORKDIR /build
RUN python -m venv /opt/cloudwarden
COPY requirements.lock ./
RUN /opt/cloudwarden/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
# The build backend is locked too, and lives in a place of its own that the image does not keep.
COPY requirements-build.lock ./
RUN python -m venv /opt/backend && /opt/backend/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY daemon daemon
RUN /opt/backend/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir wheels . \
    && /opt/cloudwarden/bin/pip install --no-cache-dir --no-deps --no-index wheels/*.whl

FROM ${BASE}
LABEL org.opencontainers.image.title="Cloudwarden" \
      org.opencontainers.image.description="Keeps an AWS estate inside its owners' policies" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/cloudwarden /opt/cloudwarden
COPY policies /etc/cloudwarden/policies
RUN install -d -o 65532 -g 65532 -m 0700 /var/lib/cloudwarden
ENV PATH=/opt/cloudwarden/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/var/lib/cloudwarden \
    CLOUDWARDEN_POLICIES=/etc/cloudwarden/policies \
    CLOUDWARDEN_DATABASE=sqlite:////var/lib/cloudwarden/cloudwarden.db \
    CLOUDWARDEN_HOST=0.0.0.0
USER 65532:65532
WORKDIR /var/lib/cloudwarden
VOLUME ["/var/lib/cloudwarden"]
EXPOSE 9464
STOPSIGNAL SIGTERM
# Past any proxy of the environment, which is meant for AWS.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import ProxyHandler, build_opener; \
build_opener(ProxyHandler({})).open('http://127.0.0.1:9464/healthz', timeout=4)"]
ENTRYPOINT ["cloudwarden"]
CMD ["run"]
